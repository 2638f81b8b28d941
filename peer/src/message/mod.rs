//! What travels in a session: requests, responses, notifications.
