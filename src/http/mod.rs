//! What pages and API share of HTTP: the table of routes, the state they get, the way to a thread that may wait.
//!
//! Knows nothing of any feature.

pub mod assets;
pub mod call;
pub mod headers;
pub mod table;

use crate::appliance::Appliance;
use std::sync::Arc;

/// What every handler can reach. It holds no key of the engine or the operator.
#[derive(Clone)]
pub struct Desk {
    /// The data folder and its companies.
    pub appliance: Arc<Appliance>,
    /// The address people use, without a slash at the end, when it was configured.
    pub public_url: Option<String>,
    /// Ends streams when the server stops.
    pub stopping: tokio_util::sync::CancellationToken,
}

impl Desk {
    /// Whether cookies are for HTTPS only.
    pub fn secure(&self) -> bool {
        self.public_url.as_deref().is_some_and(|url| url.starts_with("https://"))
    }
}

/// Runs work that reads or writes a file on a thread that may wait, and passes its panic on as an error.
///
/// # Errors
/// `Internal` when the work panicked.
pub async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> crate::base::error::Result<T> + Send + 'static,
) -> crate::base::error::Result<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(answer) => answer,
        Err(fault) => Err(crate::base::error::Error::internal(format!("a handler failed: {fault}"))),
    }
}

/// Waits for asynchronous work from a handler: handlers run on threads that may wait.
///
/// # Errors
/// `Internal` outside the server's runtime.
pub fn wait_for<T>(work: impl Future<Output = T>) -> crate::base::error::Result<T> {
    match tokio::runtime::Handle::try_current() {
        Ok(runtime) => Ok(runtime.block_on(work)),
        Err(fault) => Err(crate::base::error::Error::internal(format!("no runtime to wait in: {fault}"))),
    }
}
