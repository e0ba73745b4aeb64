//! Assembly: opens the data folder, builds the server, starts the loops, stops them in order.

mod lifecycle;
mod listener;
mod routes;

pub use listener::Bounds;

use crate::{
    appliance::Appliance,
    base::error::{Error, Result},
    company::access::EngineKey,
    execution::{
        self,
        issuers::Issuers,
        mail::Mailer,
        transport::{Sandbox, sandbox},
    },
    http::{Desk, assets, streams::Streams},
    web,
};
use lifecycle::{Signals, tell_service_manager};
use sd_notify::NotifyState;
use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

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
    /// How scripts are kept apart on the built-in worker, and what they reach.
    pub worker: sandbox::Settings,
    /// The PowerShell of this server, where it is not among the system's own programs.
    pub powershell: Option<sandbox::PowerShell>,
    /// How long running tasks get to finish when the server stops.
    pub grace: Duration,
    /// Where checkpoints of trails go, and which addresses may be asked.
    pub trails: execution::keeper::Settings,
    /// The mail server, if there is one.
    pub mail: Option<execution::mail::Settings>,
    /// The proxies whose word for a visitor's address is taken.
    pub proxies: crate::http::proxies::Proxies,
    /// How much room on the disk is kept in reserve, in bytes.
    pub reserve: u64,
}

/// A server that listens but does not serve yet.
pub struct Server {
    settings: Settings,
    desk: Desk,
    listener: TcpListener,
    address: SocketAddr,
    stop: CancellationToken,
    mailer: Option<Mailer>,
    sandbox: Sandbox,
    _alone: lifecycle::Alone,
}

impl Server {
    /// Opens the data folder and the port. Only one server at a time works on a data folder.
    pub async fn open(settings: Settings) -> Result<Server> {
        let (data, reserve) = (settings.data.clone(), settings.reserve);
        let (appliance, alone) = crate::http::blocking(move || {
            let appliance = Appliance::open(&data)?;
            let alone = lifecycle::alone_on(&data)?;
            crate::appliance::keep_reserve(&data, reserve);
            Ok((appliance, alone))
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
        let sandbox = built_in_worker(&appliance, &settings)?;
        let desk = Desk {
            appliance: Arc::new(appliance),
            worker: sandbox.outlook(),
            issuers: Arc::new(Issuers::new(settings.trails.outward.clone())),
            public_url: settings.public_url.clone(),
            mail: mailer.is_some(),
            proxies: Arc::new(settings.proxies.clone()),
            streams: Arc::new(Streams::default()),
            kept: Arc::default(),
            stopping: stop.clone(),
            closing: CancellationToken::new(),
        };
        Ok(Server { settings, desk, listener, address, stop, mailer, sandbox, _alone: alone })
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

    /// Serves until the stopper is cancelled or the process is told to end. Then, in this order: no task is begun and
    /// nothing changed any more, while what there is can still be looked at; the running tasks end, or their grace is
    /// over; the port closes, and requests and streams end; the loops end; every company's file is folded and closed.
    /// Who tells it once more while it stops does not want to wait: tasks and requests are ended at once, in the same
    /// order.
    pub async fn run(mut self, engine: EngineKey) -> Result<()> {
        web::page::use_static_prefix(assets::prefix());
        let (stop, closing, last) = (self.stop.clone(), self.desk.closing.clone(), CancellationToken::new());
        let signals = Signals::listen(stop.clone());
        let key = Arc::new(engine);
        let engine = start_engine(&self, key.clone(), signals.hurry());
        let (appliance, mailer) = (self.desk.appliance.clone(), self.mailer.take());
        // These write what the last tasks and requests leave to be written, so they end after them.
        let ending = Running(execution::ending::start(appliance.clone(), key.clone(), last.clone()));
        let post = Running(execution::mail::start(appliance.clone(), key.clone(), mailer, self.url(), last.clone()));
        let trails = self.settings.trails.clone();
        let trails = Running(execution::keeper::start(appliance.clone(), key, trails, last.clone()));
        let minder = tokio::spawn(lifecycle::mind(appliance.clone(), stop.clone()));
        let serving = Running(tokio::spawn(listener::serve(
            self.listener,
            routes::router(self.desk.clone()),
            Bounds::of_this_process(),
            self.desk.proxies.networks().into(),
            closing.clone(),
            signals.hurry(),
        )));
        tell_service_manager(NotifyState::Ready);
        stop.cancelled().await;
        tell_service_manager(NotifyState::Stopping);
        engine.stopped().await;
        closing.cancel();
        serving.stopped().await;
        last.cancel();
        post.stopped().await;
        trails.stopped().await;
        ending.stopped().await;
        minder.abort();
        drop(minder.await);
        crate::http::blocking(move || {
            appliance.close_all();
            Ok(())
        })
        .await?;
        tracing::info!("stopped");
        Ok(())
    }
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

fn built_in_worker(appliance: &Appliance, settings: &Settings) -> Result<Sandbox> {
    let sandbox = Sandbox::new(appliance.work(), settings.worker)?.with_powershell(settings.powershell.clone())?;
    // By itself it starts this very process's program, also after an update has replaced the file.
    let own = std::env::current_exe().ok().as_ref() == Some(&settings.program);
    Ok(if own { sandbox } else { sandbox.with_program(settings.program.clone()) })
}

fn start_engine(server: &Server, key: Arc<EngineKey>, hurry: CancellationToken) -> Running {
    let (desk, settings, sandbox) = (&server.desk, &server.settings, server.sandbox.clone());
    let (grace, address) = (settings.grace, server.url());
    let engine = execution::Settings { grace, hurry, server: address, ..execution::Settings::default() };
    Running(execution::start(desk.appliance.clone(), key, sandbox, engine, server.stop.clone()))
}
