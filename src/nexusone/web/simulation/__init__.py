"""The kit of simulators: failing on demand, webhooks as vendors send them, files as vendors make them."""
