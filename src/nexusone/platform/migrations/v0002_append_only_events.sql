-- What was announced cannot be unsaid, not even by the machinery.
revoke update, delete on platform.event from m_platform;
