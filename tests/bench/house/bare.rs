//! The bare limit for pages and API: axum, askama and one SQLite read, without sign-in, permissions, frame or headers.
//!
//! `/page` and `/api` read on the thread that serves the request, `/hop/page` and `/hop/api` on a blocking thread as
//! most programs do. The page has as many bytes as the one it stands beside.

use askama::Template;
use axum::{
    Json, Router,
    extract::{Path, State},
    response::Html,
    routing::get,
};
use rusqlite::{Connection, OpenFlags};
use std::{cell::RefCell, path::PathBuf, sync::Arc};

#[derive(Clone)]
struct Desk {
    file: Arc<PathBuf>,
    filling: Arc<str>,
}

#[derive(serde::Serialize)]
#[serde(rename_all = "PascalCase")]
struct Row {
    id: i64,
    name: String,
    description: String,
}

#[derive(Template)]
#[template(
    ext = "html",
    source = "<!doctype html><html lang=\"en\"><head><title>Environments</title></head><body><table><tbody>\
              {% for row in rows %}<tr><th scope=\"row\"><a href=\"/e/{{ row.id }}\">{{ row.name }}</a></th><td>{{ row.description }}</td></tr>{% endfor %}\
              </tbody></table><p>{{ filling }}</p></body></html>"
)]
struct Page<'a> {
    rows: Vec<Row>,
    filling: &'a str,
}

thread_local! {
    static CONNECTION: RefCell<Option<Connection>> = const { RefCell::new(None) };
}

impl Desk {
    fn with<T>(&self, work: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> T {
        CONNECTION.with_borrow_mut(|slot| {
            let connection = slot.get_or_insert_with(|| {
                let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
                #[allow(clippy::disallowed_methods)] // no company's file
                Connection::open_with_flags(&*self.file, flags).expect("the bare file")
            });
            work(connection).expect("a bare read")
        })
    }
    fn page(&self) -> Html<String> {
        let rows = self.with(|c| {
            let mut statement = c.prepare_cached("SELECT id, name, description FROM rows ORDER BY id LIMIT 50")?;
            let rows = statement.query_map([], read)?;
            rows.collect()
        });
        Html(Page { rows, filling: &self.filling }.render().expect("a bare page"))
    }
    /// Thirty rows, each with so many bytes of filling.
    fn list(&self, bytes: usize) -> Vec<u8> {
        let rows: Vec<Row> = self.with(|c| {
            let mut statement = c.prepare_cached("SELECT id, name, description FROM rows ORDER BY id LIMIT 30")?;
            let rows = statement.query_map([], read)?;
            rows.collect()
        });
        let filling = &FILLING[..bytes.min(FILLING.len())];
        let rows: Vec<Wide> = rows.into_iter().map(|row| Wide { row, filling }).collect();
        serde_json::to_vec(&rows).expect("a bare list")
    }
    fn one(&self, id: i64) -> Json<Row> {
        Json(
            self.with(|c| {
                c.prepare_cached("SELECT id, name, description FROM rows WHERE id = ?1")?.query_one([id], read)
            }),
        )
    }
}

/// What fills a row of a list up.
const FILLING: &str = match std::str::from_utf8(&[b'f'; 8192]) {
    Ok(filling) => filling,
    Err(_) => "",
};

/// The bytes of thirty rows without filling, for rows such as these.
pub fn list_length(file: &std::path::Path) -> usize {
    Desk { file: Arc::new(file.to_owned()), filling: "".into() }.list(0).len()
}

/// A row of a list, with as many bytes as one of the list it stands beside.
#[derive(serde::Serialize)]
#[serde(rename_all = "PascalCase")]
struct Wide<'f> {
    #[serde(flatten)]
    row: Row,
    filling: &'f str,
}

fn read(row: &rusqlite::Row<'_>) -> rusqlite::Result<Row> {
    Ok(Row { id: row.get(0)?, name: row.get(1)?, description: row.get(2)? })
}

/// The bare page's own bytes without filling, for these rows.
pub fn length(rows: &[(String, String)]) -> usize {
    let row = |(n, (name, description)): (usize, &(String, String))| Row {
        id: n as i64 + 1,
        name: name.clone(),
        description: description.clone(),
    };
    Page { rows: rows.iter().enumerate().map(row).collect(), filling: "" }.render().expect("a bare page").len()
}

/// Writes the file the bare server reads.
pub fn fill(file: &std::path::Path, rows: &[(String, String)]) {
    #[allow(clippy::disallowed_methods)] // no company's file
    let connection = Connection::open(file).expect("the bare file");
    connection
        .execute_batch(
            "PRAGMA journal_mode=WAL; CREATE TABLE rows (id INTEGER PRIMARY KEY, name TEXT NOT NULL, description TEXT NOT NULL) STRICT",
        )
        .expect("a table");
    for row in rows {
        connection.execute("INSERT INTO rows (name, description) VALUES (?1, ?2)", (&row.0, &row.1)).expect("a row");
    }
}

/// `bare FILE BYTES`: serves until it is ended; `BYTES` of filling go into the page.
pub fn serve(arguments: &[String]) {
    let file = PathBuf::from(&arguments[0]);
    let filling: usize = arguments[1].parse().expect("a number of bytes");
    let desk = Desk { file: Arc::new(file), filling: "filling ".repeat(filling / 8 + 1)[..filling].into() };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().max_blocking_threads(64).build();
    runtime.expect("a runtime").block_on(async {
        let app = Router::new()
            .route("/page", get(|State(desk): State<Desk>| async move { desk.page() }))
            .route("/api/{id}", get(|State(desk): State<Desk>, Path(id): Path<i64>| async move { desk.one(id) }))
            .route(
                "/list/{bytes}",
                get(|State(desk): State<Desk>, Path(bytes): Path<usize>| async move { desk.list(bytes) }),
            )
            .route("/hop/page", get(|State(desk): State<Desk>| async move { hop(move || desk.page()).await }))
            .route(
                "/hop/api/{id}",
                get(|State(desk): State<Desk>, Path(id): Path<i64>| async move { hop(move || desk.one(id)).await }),
            )
            .with_state(desk);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        println!("listening: http://{}", listener.local_addr().expect("an address"));
        axum::serve(listener, app).await.expect("to serve");
    });
}

async fn hop<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.expect("a read")
}
