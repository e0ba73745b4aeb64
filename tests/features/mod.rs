//! Pages and API of one feature each, through the front door.

mod backup;
mod lifecycles;
mod projects;
mod releases;
mod spaces;
