//! The file system as the log sees it.
