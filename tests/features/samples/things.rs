//! Environments, lifecycles, project groups, tenants and their tags, accounts and machines.

use super::{
    Script,
    client::{id, link},
};
use serde_json::{Value, json};

pub const SCRIPTS: &[Script] = &[
    ("add environments from a list", |c| {
        for name in ["Development", "Test", "Staging", "Production", "Retired"] {
            c.post("/api/Spaces-1/environments", json!({ "Name": name, "Description": "", "UseGuidedFailure": false }));
        }
        assert_eq!(c.get("/api/Spaces-1/environments/all").as_array().map(Vec::len), Some(5));
    }),
    ("find an environment by part of its name", |c| {
        assert_eq!(c.get("/api/environments?partialName=stag&skip=0&take=100")["Items"][0]["Name"], "Staging");
        assert_eq!(c.get("/api/environments?name=Production")["TotalResults"], 1);
    }),
    ("put environments into another order", |c| {
        let mut order: Vec<Value> = c.every("/api/Spaces-1/environments").iter().map(|one| one["Id"].clone()).collect();
        order.reverse();
        c.send("PUT", "/api/Spaces-1/environments/sortorder", &json!(order)).expect(200);
        assert_eq!(c.get("/api/Spaces-1/environments")["Items"][0]["Name"], "Retired");
        order.reverse();
        c.send("PUT", "/api/Spaces-1/environments/sortorder", &json!(order)).expect(200);
    }),
    ("ask for guided failure in production", |c| {
        let mut production = c.named("/api/Spaces-1/environments", "Production");
        production["UseGuidedFailure"] = json!(true);
        assert_eq!(c.save(&production)["UseGuidedFailure"], true);
        assert_eq!(c.named("/api/Spaces-1/environments", "Production")["UseGuidedFailure"], true);
    }),
    ("delete an environment that nobody uses", |c| {
        let gone = c.named("/api/Spaces-1/environments", "Retired");
        c.delete(link(&gone, "Self"));
        assert_eq!(c.every("/api/Spaces-1/environments").len(), 4);
    }),
    ("read a list of thirty-five page by page", |c| {
        for number in 0..35 {
            c.post("/api/Spaces-1/projectgroups", json!({ "Name": format!("Group {number:02}") }));
        }
        assert!(c.every("/api/Spaces-1/projectgroups").len() >= 35);
        assert_eq!(c.every("/api/Spaces-1/projectgroups?partialName=Group%200&take=3").len(), 10);
        c.post("/api/Spaces-1/projectgroups", json!({ "Name": "Others" }));
        for group in c.every("/api/Spaces-1/projectgroups?partialName=Group%20") {
            c.delete(link(&group, "Self"));
        }
    }),
    ("add a project group", |c| {
        let made = c.post("/api/Spaces-1/projectgroups", json!({ "Name": "Web", "Description": "What customers see" }));
        assert_eq!(made["Description"], "What customers see");
    }),
    ("add a lifecycle with phases", |c| {
        let environment = |name: &str| c.id_of("/api/Spaces-1/environments", name);
        let phase = |name: &str| {
            json!({ "Name": name, "OptionalDeploymentTargets": [environment(name)], "AutomaticDeploymentTargets": [],
                "MinimumEnvironmentsBeforePromotion": 0, "IsOptionalPhase": false })
        };
        let made = json!({ "Name": "Slow", "Phases": [phase("Test"), phase("Staging"), phase("Production")] });
        assert_eq!(c.post("/api/Spaces-1/lifecycles", made)["Phases"].as_array().map(Vec::len), Some(3));
    }),
    ("make a phase of a lifecycle optional", |c| {
        let mut slow = c.named("/api/Spaces-1/lifecycles", "Slow");
        slow["Phases"][0]["IsOptionalPhase"] = json!(true);
        c.save(&slow);
        let slow = c.named("/api/Spaces-1/lifecycles", "Slow");
        assert_eq!(
            (&slow["Phases"][0]["IsOptionalPhase"], &slow["Phases"][1]["IsOptionalPhase"]),
            (&json!(true), &json!(false))
        );
    }),
    ("see which projects follow a lifecycle", |c| {
        let slow = c.named("/api/Spaces-1/lifecycles", "Slow");
        assert_eq!(c.get(link(&slow, "Projects")).as_array().map_or(0, Vec::len), 0);
    }),
    ("add a tag set with tags", |c| {
        let tags = json!([{ "Name": "Early", "Color": "#FF0000" }, { "Name": "Late", "Color": "#00FF00" }]);
        let made = c.post("/api/Spaces-1/tagsets", json!({ "Name": "Ring", "Tags": tags }));
        assert_eq!(made["Tags"][1]["CanonicalTagName"], "Ring/Late");
    }),
    ("add one more tag to a set", |c| {
        let mut ring = c.named("/api/Spaces-1/tagsets", "Ring");
        ring["Tags"].as_array_mut().unwrap().push(json!({ "Name": "Last", "Color": "#0000FF" }));
        assert_eq!(c.save(&ring)["Tags"].as_array().map(Vec::len), Some(3));
    }),
    ("remove a tag that nobody carries", |c| {
        let mut ring = c.named("/api/Spaces-1/tagsets", "Ring");
        ring["Tags"].as_array_mut().unwrap().retain(|tag| tag["Name"] != "Last");
        assert_eq!(c.save(&ring)["Tags"].as_array().map(Vec::len), Some(2));
    }),
    ("add tenants from a list", |c| {
        for (name, ring) in [("Contoso", "Early"), ("Fabrikam", "Late"), ("Northwind", "Late"), ("Adatum", "Late")] {
            let tenant = json!({ "Name": name, "TenantTags": [format!("Ring/{ring}")], "ProjectEnvironments": {} });
            c.post("/api/Spaces-1/tenants", tenant);
        }
        assert_eq!(c.every("/api/Spaces-1/tenants?take=2").len(), 4);
    }),
    ("find tenants by tag", |c| {
        let late = c.every("/api/Spaces-1/tenants?tags=Ring/Late&take=1");
        assert_eq!(
            late.iter().map(|one| one["Name"].as_str().unwrap()).collect::<Vec<_>>(),
            ["Adatum", "Fabrikam", "Northwind"]
        );
    }),
    ("test which tenants a tag chooses", |c| {
        let tested = c.get("/api/Spaces-1/tenants/tag-test?tags=Ring/Early");
        let chosen = tested.as_object().unwrap().values().filter(|one| one["IsMatched"] == true);
        assert_eq!((tested.as_object().map(serde_json::Map::len), chosen.count()), (Some(4), 1), "findings D14");
    }),
    ("move a tenant to another ring", |c| {
        let mut tenant = c.named("/api/Spaces-1/tenants", "Adatum");
        tenant["TenantTags"] = json!(["Ring/Early"]);
        assert_eq!(c.save(&tenant)["TenantTags"], json!(["Ring/Early"]));
    }),
    ("disable a tenant", |c| {
        let mut tenant = c.named("/api/Spaces-1/tenants", "Northwind");
        tenant["IsDisabled"] = json!(true);
        c.save(&tenant);
        assert_eq!(c.every("/api/Spaces-1/tenants?isDisabled=true").len(), 1);
    }),
    ("copy a tenant", |c| {
        let source = c.id_of("/api/Spaces-1/tenants", "Fabrikam");
        let made = c.post(&format!("/api/Spaces-1/tenants?clone={source}"), json!({ "Name": "Fabrikam 2" }));
        assert_eq!((&made["TenantTags"][0], &made["ClonedFromTenantId"]), (&json!("Ring/Late"), &json!(source)));
    }),
    ("give a tenant the slug of one's own system", |c| {
        let mut tenant = c.named("/api/Spaces-1/tenants", "Fabrikam 2");
        tenant["Slug"] = json!("crm-4711");
        c.save(&tenant);
        assert_eq!(c.get("/api/Spaces-1/tenants/crm-4711")["Name"], "Fabrikam 2", "findings D9");
        c.delete("/api/Spaces-1/tenants/crm-4711");
    }),
    ("add an account", |c| {
        let secret = json!({ "HasValue": true, "NewValue": "a long secret" });
        let account =
            json!({ "Name": "Deployer", "AccountType": "UsernamePassword", "Username": "deploy", "Password": secret });
        assert_eq!(c.post("/api/Spaces-1/accounts", account)["Password"]["HasValue"], true);
    }),
    ("register machines", |c| {
        for (name, environment) in [("web-1", "Staging"), ("web-2", "Production")] {
            let endpoint = json!({ "CommunicationStyle": "Ssh", "Host": format!("{name}.invalid"), "Port": 22,
                "AccountId": c.id_of("/api/Spaces-1/accounts", "Deployer"),
                "Fingerprint": "SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" });
            let machine = json!({ "Name": name, "EnvironmentIds": [c.id_of("/api/Spaces-1/environments", environment)],
                "Roles": ["web"], "Endpoint": endpoint, "MachinePolicyId": "MachinePolicies-1" });
            c.post("/api/Spaces-1/machines", machine);
        }
    }),
    ("find the machines of an environment", |c| {
        let production = c.named("/api/Spaces-1/environments", "Production");
        let by_filter = c.every(&format!("/api/Spaces-1/machines?environmentIds={}", id(&production)));
        let by_link = c.every(link(&production, "Machines"));
        assert_eq!((by_filter.len(), by_filter), (1, by_link), "findings D16");
    }),
    ("add a role to all machines", |c| {
        for mut machine in c.every("/api/Spaces-1/machines?roles=web&take=1") {
            machine["Roles"].as_array_mut().unwrap().push(json!("linux"));
            c.save(&machine);
        }
        assert_eq!(c.every("/api/Spaces-1/machines?roles=linux").len(), 2);
        assert_eq!(c.get("/api/Spaces-1/machineroles/all"), json!(["linux", "web"]));
    }),
    ("disable the machines of an environment and enable them again", |c| {
        for disabled in [true, false] {
            for mut machine in c.every("/api/Spaces-1/machines") {
                machine["IsDisabled"] = json!(disabled);
                c.save(&machine);
            }
            assert_eq!(c.every(&format!("/api/Spaces-1/machines?isDisabled={disabled}")).len(), 2);
        }
    }),
    ("see the machine policy, the worker pools and the workers", |c| {
        assert_eq!(c.get("/api/Spaces-1/machinepolicies/all")[0]["IsDefault"], true, "findings D10");
        assert_eq!(c.get("/api/Spaces-1/workerpools/all")[0]["IsDefault"], true);
        assert_eq!(c.get("/api/Spaces-1/workers/all"), json!([]));
    }),
    ("check the health of an environment", |c| {
        let production = c.id_of("/api/Spaces-1/environments", "Production");
        let wanted = json!({ "Name": "Health", "Description": "Check", "Arguments": { "EnvironmentId": production } });
        let task = c.post("/api/tasks", wanted);
        assert_eq!(c.wait(id(&task))["Name"], "Health", "findings D14");
        let machine = c.named("/api/Spaces-1/machines", "web-2");
        assert_eq!(c.every(link(&machine, "Tasks"))[0]["Id"], task["Id"], "findings D10");
    }),
];
