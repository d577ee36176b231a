//! What the benchmark plants by SQL fits the schema of now, tried on a throw-away database: nobody else would notice
//! before the next run.

#![allow(clippy::disallowed_methods, reason = "a tool's test: it reads the clock as the tool does")]

#[allow(dead_code, reason = "a program has no other way to share with its tests; the other half is not for planting")]
#[path = "../src/database.rs"]
mod database;
#[allow(dead_code, reason = "as above")]
#[path = "../src/population.rs"]
mod population;

use crate::{
    database::Database,
    population::{Population, accounts, leads},
};

/// The fixtures of ADR 0001's measurement, of which the floor is one route.
const DATA_PATH: &str = include_str!("../../data-path/sql/setup.sql");

#[test]
fn what_is_planted_fits_the_schema() {
    let (database, variables) = Database::start().unwrap();
    let population = Population::plant(&database, &variables).unwrap();
    assert_eq!((population.readers.len(), population.leads.len()), (10, 2000));
    let crowd = accounts(&database, "crowd", 3).unwrap();
    leads(&database, &crowd, 1, 20).unwrap();
    assert_eq!(database.number("select count(*) from crm.leads").unwrap(), 10 * 1000 + 3 * 20);

    // Everybody who is planted gets in, as every request of theirs will.
    let everybody = [&population.readers, &population.writers, &population.people, &crowd];
    for account in everybody.into_iter().flatten() {
        let (tenant, user, session) = (account.tenant.uuid(), account.user.uuid(), account.session.uuid());
        let enters = format!(
            "select count(*) from (select app.enter('{tenant}', '{user}', '{session}', array['owner']) as caller) as entered
              where (caller).role = 'owner'"
        );
        assert_eq!(database.number(&enters).unwrap(), 1, "{}", account.email);
    }

    for _ in 0..2 {
        database.execute(DATA_PATH).unwrap();
    }
    assert_eq!(database.number("select count(*) from auth.sessions where expires_at <= now()").unwrap(), 0);
}
