//! What every test stands on: the real program, and callers who ask it things from outside.
//! Nothing here knows the program's inside; a caller sees what a person or a client would see.

#![allow(dead_code)] // each test file uses a part

pub mod api;
pub mod browser_like;
pub mod busy;
pub mod cast;
pub mod issuer;
pub mod machine;
pub mod mail;
pub mod server;
pub mod strace;
