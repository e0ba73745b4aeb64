//! Assembly: opens the data folder, builds the server, starts the loops, stops them in order.

#![allow(clippy::disallowed_types, reason = "assembly serves the embedded files itself; they have no visitor")]

use crate::{
    api,
    appliance::Appliance,
    base::error::{Error, Result},
    company::access::EngineKey,
    execution::{self, issuers::Issuers, mail::Mailer, transport::Sandbox},
    http::{
        Desk, assets,
        call::{LARGEST_BODY, Peer},
        headers,
    },
    web,
};
use axum::{
    Router,
    extract::{ConnectInfo, DefaultBodyLimit, Path, Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::get,
};
use std::{future::IntoFuture, net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tower::ServiceBuilder;
use tower_http::{
    catch_panic::CatchPanicLayer, compression::CompressionLayer, csrf::CsrfLayer, set_header::SetResponseHeaderLayer,
};

/// How the server is to run.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where to listen.
    pub listen: SocketAddr,
    /// The data folder.
    pub data: PathBuf,
    /// The address people use, when it differs from where the server listens.
    pub public_url: Option<String>,
    /// This program, which the built-in worker starts again in its sandbox.
    pub program: PathBuf,
    /// Whether scripts may run in the built-in worker where the kernel has no Landlock.
    pub allow_unsandboxed: bool,
    /// How long running tasks get to finish when the server stops.
    pub grace: Duration,
    /// Where checkpoints of trails go, and which addresses may be asked.
    pub trails: execution::keeper::Settings,
    /// The mail server, if there is one.
    pub mail: Option<execution::mail::Settings>,
    /// Networks of proxies whose word for a visitor's address is taken.
    pub trusted_proxies: Vec<ipnet::IpNet>,
}

/// A server that listens but does not serve yet.
pub struct Server {
    settings: Settings,
    desk: Desk,
    listener: TcpListener,
    address: SocketAddr,
    stop: CancellationToken,
    mailer: Option<Mailer>,
    _lock: std::fs::File,
}

impl Server {
    /// Opens the data folder and the port. Only one server at a time works on a data folder.
    pub async fn open(settings: Settings) -> Result<Server> {
        let data = settings.data.clone();
        let (appliance, lock) = crate::http::blocking(move || {
            let appliance = Appliance::open(&data)?;
            let lock = std::fs::File::create(data.join("server.lock"))?;
            if lock.try_lock().is_err() {
                return Err(Error::Conflict(format!(
                    "Another server works on {} already. Stop it first.",
                    data.display()
                )));
            }
            Ok((appliance, lock))
        })
        .await?;
        let listener = TcpListener::bind(settings.listen).await.map_err(|cause| {
            Error::Conflict(format!(
                "Cannot listen on {}: {cause}. Choose another address with --listen.",
                settings.listen
            ))
        })?;
        let address = listener.local_addr()?;
        let stop = CancellationToken::new();
        let mailer = settings.mail.as_ref().map(Mailer::new).transpose()?;
        let desk = Desk {
            appliance: Arc::new(appliance),
            issuers: Arc::new(Issuers::new(settings.trails.outward.clone())),
            public_url: settings.public_url.clone(),
            mail: mailer.is_some(),
            trusted_proxies: settings.trusted_proxies.clone().into(),
            stopping: stop.clone(),
        };
        Ok(Server { settings, desk, listener, address, stop, mailer, _lock: lock })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
    /// The address to tell people.
    pub fn url(&self) -> String {
        self.settings.public_url.clone().unwrap_or_else(|| format!("http://{}", self.address))
    }
    /// What handlers get.
    pub fn desk(&self) -> &Desk {
        &self.desk
    }
    /// Stops the server when it is cancelled.
    pub fn stopper(&self) -> CancellationToken {
        self.stop.clone()
    }

    /// Serves until the stopper is cancelled or the process is told to end; then lets requests and tasks finish.
    pub async fn run(mut self, engine: EngineKey) -> Result<()> {
        web::page::use_static_prefix(assets::prefix());
        let stop = self.stop.clone();
        let key = Arc::new(engine);
        let engine = start_engine(&self, key.clone())?;
        let (appliance, mailer) = (self.desk.appliance.clone(), self.mailer.take());
        let ending = Running(execution::ending::start(appliance.clone(), key.clone(), stop.clone()));
        let post = Running(execution::mail::start(appliance.clone(), key.clone(), mailer, self.url(), stop.clone()));
        let trails = Running(execution::keeper::start(appliance, key, self.settings.trails.clone(), stop.clone()));
        let minder = tokio::spawn(mind(self.desk.clone(), stop.clone()));
        let app = router(self.desk.clone()).into_make_service_with_connect_info::<Peer>();
        let signalled = stop.clone();
        let signals = tokio::spawn(async move {
            wait_for_signal(&signalled).await;
            signalled.cancel();
        });
        tell_service_manager("READY=1");
        let graceful = stop.clone();
        let served = axum::serve(self.listener, app)
            .with_graceful_shutdown(async move { graceful.cancelled().await })
            .into_future();
        tokio::pin!(served);
        let outcome = tokio::select! {
            outcome = &mut served => outcome,
            () = async { stop.cancelled().await; tokio::time::sleep(Duration::from_secs(10)).await } => Ok(()),
        };
        stop.cancel();
        tell_service_manager("STOPPING=1");
        engine.stopped().await;
        post.stopped().await;
        trails.stopped().await;
        ending.stopped().await;
        minder.abort();
        signals.abort();
        tracing::info!("stopped");
        outcome.map_err(Into::into)
    }
}

/// Closes idle companies now and then, and tells the service manager that all is well.
async fn mind(desk: Desk, stop: CancellationToken) {
    let mut tick = tokio::time::interval(Duration::from_secs(15));
    while !stop.is_cancelled() {
        tick.tick().await;
        desk.appliance.close_idle();
        tell_service_manager("WATCHDOG=1");
    }
}

fn tell_service_manager(state: &str) {
    let state = match state {
        "READY=1" => sd_notify::NotifyState::Ready,
        "STOPPING=1" => sd_notify::NotifyState::Stopping,
        _ => sd_notify::NotifyState::Watchdog,
    };
    if let Err(cause) = sd_notify::notify(&[state]) {
        tracing::warn!(%cause, "the service manager could not be told");
    }
}

async fn wait_for_signal(stop: &CancellationToken) {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut term), Ok(mut int)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt())) else {
        return stop.cancelled().await;
    };
    tokio::select! {
        _ = term.recv() => {}
        _ = int.recv() => {}
        () = stop.cancelled() => {}
    }
}

/// Everything that is served, from the outside in: a panic becomes an error, answers are compressed, requests from
/// foreign pages are refused, bodies are bounded.
pub fn router(desk: Desk) -> Router {
    let strict = desk.secure().then_some(headers::STRICT);
    let guards = ServiceBuilder::new()
        .layer(SetResponseHeaderLayer::overriding(header::STRICT_TRANSPORT_SECURITY, strict))
        .layer(CatchPanicLayer::custom(|_: Box<dyn std::any::Any + Send>| {
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }))
        .layer(CompressionLayer::new())
        .layer(SetResponseHeaderLayer::if_not_present(
            header::X_CONTENT_TYPE_OPTIONS,
            HeaderValue::from_static("nosniff"),
        ))
        .layer(CsrfLayer::new())
        .layer(DefaultBodyLimit::max(LARGEST_BODY));
    let router = Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route("/static/{checksum}/{*name}", get(asset))
        .route("/favicon.ico", get(|headers: HeaderMap| async move { assets::serve("", "favicon.svg", &headers) }))
        .route("/robots.txt", get(|| async { "User-agent: *\nDisallow: /\n" }))
        .merge(web::streams())
        .merge(api::streams())
        .fallback(dispatch)
        .with_state(desk)
        .layer(guards);
    if tracing::enabled!(tracing::Level::DEBUG) { router.layer(middleware::from_fn(trace)) } else { router }
}

async fn ready(State(desk): State<Desk>) -> Response {
    if desk.stopping.is_cancelled() || !desk.appliance.data().is_dir() {
        return (StatusCode::SERVICE_UNAVAILABLE, "not ready\n").into_response();
    }
    "ready\n".into_response()
}

async fn asset(Path((checksum, name)): Path<(String, String)>, headers: HeaderMap) -> Response {
    assets::serve(&checksum, &name, &headers)
}

async fn dispatch(State(desk): State<Desk>, request: Request) -> Response {
    let mut parts = request.uri().path().split('/').filter(|part| !part.is_empty());
    let (first, second) = (parts.next(), parts.next());
    match second {
        Some(word) if word.eq_ignore_ascii_case("api") && first.is_some() => api::serve(desk, request).await,
        // Where programs look for it; it stands among the routes of the API.
        Some(".well-known") if parts.next() == Some("openid-configuration") => api::serve(desk, request).await,
        _ => web::serve(desk, request).await,
    }
}

async fn trace(request: Request, next: Next) -> Response {
    let begun = std::time::Instant::now();
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let address = request.extensions().get::<ConnectInfo<Peer>>().map(|info| info.0.to_string()).unwrap_or_default();
    let response = next.run(request).await;
    let took = begun.elapsed();
    tracing::debug!(%method, path, status = response.status().as_u16(), took = ?took, address, "request");
    response
}

/// A loop of the server; told to stop by the same token.
struct Running(tokio::task::JoinHandle<()>);

impl Running {
    async fn stopped(self) {
        if let Err(fault) = self.0.await {
            tracing::error!(%fault, "a loop of the server failed");
        }
    }
}

fn start_engine(server: &Server, key: Arc<EngineKey>) -> Result<Running> {
    let (desk, settings) = (&server.desk, &server.settings);
    let mut sandbox = Sandbox::new(desk.appliance.work(), settings.allow_unsandboxed)?;
    // By itself it starts this very process's program, also after an update has replaced the file.
    if std::env::current_exe().ok().as_ref() != Some(&settings.program) {
        sandbox = sandbox.with_program(settings.program.clone());
    }
    let engine = execution::Settings { grace: settings.grace, ..execution::Settings::default() };
    Ok(Running(execution::start(desk.appliance.clone(), key, sandbox, engine, server.stop.clone())))
}
