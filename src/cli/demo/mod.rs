//! `bulkhead demo`: two sample companies, the server, and one real deployment to two tenants on the built-in worker.

mod sample;

use super::{Failure, Start, serve};
use crate::{
    app::Server,
    appliance::{Appliance, NewCompany},
    base::{
        error::{Error, Result},
        ids::{Id, Task},
        secret::{self, Secret},
    },
    company::{
        Company,
        access::{
            From, OperatorKey, Steward, Visitor, Within, admit,
            permissions::{TaskView, UserEdit},
        },
        people, tasks,
    },
};
use serde::{Deserialize, Serialize};
use std::{
    path::Path,
    time::{Duration, Instant},
};

/// Written beside the data, so that the demonstration can be started again on its own folder.
#[derive(Serialize, Deserialize)]
struct Note {
    company: String,
    email: String,
    password: String,
    /// The administrator's key, for the demonstration itself.
    key: String,
}

const NOTE: &str = "demo.json";

/// Fills an empty data folder, starts the server and runs a real deployment.
pub fn run(start: Start, options: serve::Options) -> std::result::Result<(), Failure> {
    let settings = serve::settings(&start, &options)?;
    let (data, json) = (start.data.clone(), start.json);
    let runtime = serve::runtime()?;
    runtime.block_on(async move {
        let server = Server::open(settings).await?;
        let appliance = server.desk().appliance.clone();
        let operator = start.operator;
        let (note, fresh) = crate::http::blocking(move || prepare(&appliance, &operator, &data)).await?;
        let (url, appliance, stopper) = (server.url(), server.desk().appliance.clone(), server.stopper());
        let serving = tokio::spawn(server.run(start.engine));
        if fresh {
            eprintln!("Deploying Shop 1.0.0 to Development for Contoso and Fabrikam …");
            let (slug, key) = (note.company.clone(), note.key.clone());
            let outcome = crate::http::blocking(move || first_deployment(&appliance, &slug, &key)).await;
            match outcome {
                Ok(words) => eprintln!("{words}"),
                Err(error) => {
                    stopper.cancel();
                    let _ = serving.await;
                    return Err(error.into());
                }
            }
        }
        tell(&url, &note, json);
        serving.await.map_err(|fault| Failure::Failed(format!("The server failed: {fault}.")))??;
        Ok(())
    })
}

fn tell(url: &str, note: &Note, json: bool) {
    let address = format!("{url}/{}", note.company);
    if json {
        let told = serde_json::json!({
            "address": address, "company": note.company, "email": note.email, "password": note.password, "ready": true,
        });
        println!("{told}");
        return;
    }
    println!("address: {address}");
    println!("company: {}", note.company);
    println!("email: {}", note.email);
    println!("password: {}", note.password);
    eprintln!(
        "\nOpen the address in a browser and sign in. The second factor is set up on the way. Ctrl-C stops the server."
    );
}

/// Makes the sample companies in an empty folder, or finds the ones made before.
fn prepare(appliance: &Appliance, operator: &OperatorKey, data: &Path) -> Result<(Note, bool)> {
    let path = data.join(NOTE);
    if let Ok(text) = std::fs::read_to_string(&path) {
        return Ok((serde_json::from_str(&text)?, false));
    }
    if !appliance.slugs()?.is_empty() {
        return Err(Error::Conflict(format!(
            "{} holds other data. Give the demonstration an empty folder with --data.",
            data.display()
        )));
    }
    eprintln!("Making two sample companies in {} …", data.display());
    let password = Secret::new(format!("{}-{}", word(), word()));
    let create = |slug: &str, name: &str, person: &str| {
        let new = NewCompany { slug, name, person, email: "ada@acme.test", password: Some(&password) };
        appliance.create(&Steward::console(operator, None), &new)
    };
    let (globex, _) = create("globex", "Globex", "Hank Scorpio")?;
    let key = administrator_key(&globex, operator, "ada@acme.test")?;
    sample::fill(&visitor(&globex, &key)?, &sample::GLOBEX)?;
    let (acme, _) = create("acme-corp", "Acme Corporation", "Ada Lovelace")?;
    let key = administrator_key(&acme, operator, "ada@acme.test")?;
    sample::fill(&visitor(&acme, &key)?, &sample::ACME)?;
    let note =
        Note { company: "acme-corp".into(), email: "ada@acme.test".into(), password: password.expose().into(), key };
    std::fs::write(&path, serde_json::to_string_pretty(&note)?)?;
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
    Ok((note, true))
}

/// Ten letters and digits that can be read aloud.
fn word() -> String {
    let letters = data_encoding::BASE32_NOPAD.encode(&secret::random::<8>()).to_lowercase();
    letters.chars().take(8).collect()
}

fn administrator_key(company: &Company, operator: &OperatorKey, email: &str) -> Result<String> {
    let operator = Visitor::operator(company, operator);
    let user = operator.locate(Within::Company, email)?;
    people::keys::create_for(&operator.ask(UserEdit {})?, &user, "The demonstration", 30)
}

fn visitor(company: &Company, key: &str) -> Result<Visitor> {
    let from = From { address: String::new(), agent: "bulkhead demo".into(), ..From::default() };
    admit::api_key(company, key, &from)?
        .ok_or_else(|| Error::Conflict("The demonstration's own API key was revoked.".into()))
}

/// Begins the deployment and waits for its end; the engine of the running server carries it out.
fn first_deployment(appliance: &Appliance, slug: &str, key: &str) -> Result<String> {
    let company = appliance.company(slug)?;
    let begun = sample::deploy(&visitor(&company, key)?)?;
    let patience = Instant::now() + Duration::from_secs(120);
    let mut words = Vec::new();
    for task in begun {
        loop {
            let found = state(&company, key, task)?;
            if found.state.is_completed() {
                words.push(format!("{}: {}", found.description, found.state.word()));
                break;
            }
            if Instant::now() > patience {
                return Err(Error::Conflict(format!("{} did not end within two minutes.", found.description)));
            }
            std::thread::sleep(Duration::from_millis(200));
        }
    }
    Ok(words.join("\n"))
}

fn state(company: &Company, key: &str, task: Id<Task>) -> Result<tasks::Task> {
    let visitor = visitor(company, key)?;
    let at = visitor.locate(Within::Company, &task.to_string())?;
    tasks::show(&visitor.ask(TaskView { task: at })?)
}
