//! Pages and API of one feature each, through the front door.

mod backup;
mod deployments;
mod lifecycles;
mod projects;
mod releases;
mod spaces;
