//! walog
