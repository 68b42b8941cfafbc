//! WebSocket endpoints.
