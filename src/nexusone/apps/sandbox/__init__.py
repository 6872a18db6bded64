"""The sandbox: every vendor as a simulator on real sockets, and the inbox where all mail ends up."""
