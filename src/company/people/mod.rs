//! What is done to users: life cycle, invitations, API keys. Sign-in itself is `access::admit`'s.

pub mod keys;
