//! The layout of the database, and how an older one becomes the present one.

use tokio_postgres::Client;

use super::Wrong;

/// What each version adds to the one before it, from nothing on.
const STEPS: [&str; 1] = [include_str!("1.sql")];
/// Names the lock under which one connection at a time migrates, in the key space of the database's advisory locks.
const LOCK: i64 = 0x7761_7264_6c69_6e65;

/// Brings the database to the layout that this version knows; whoever finds it there writes nothing.
pub(super) async fn run(client: &mut Client) -> Result<(), Wrong> {
    let known = i64::try_from(STEPS.len()).unwrap_or(i64::MAX);
    if version(client).await? == known {
        return Ok(());
    }
    let transaction = client.transaction().await?;
    transaction.execute("SELECT pg_advisory_xact_lock($1)", &[&LOCK]).await?;
    // Whoever had the lock before may have done it all.
    let found = version(transaction.client()).await?;
    if found > known {
        return Err(Wrong::Final(format!(
            "a newer version wrote it (layout {found}; this one knows {known})"
        )));
    }
    for step in STEPS.iter().skip(usize::try_from(found).unwrap_or(0)) {
        transaction.batch_execute(step).await?;
    }
    transaction.execute("UPDATE wardline SET value = $1 WHERE name = 'schema'", &[&known]).await?;
    transaction.commit().await?;
    Ok(())
}

/// The layout that is there; 0 for none.
async fn version(client: &Client) -> Result<i64, Wrong> {
    // Asked of the catalogue itself: `to_regclass` may answer from what this connection remembers.
    let there = "SELECT EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                 WHERE c.relname = 'wardline' AND n.nspname = ANY (current_schemas(false)))";
    let there: bool = client.query_one(there, &[]).await?.get(0);
    if !there {
        return Ok(0);
    }
    let foreign =
        || Wrong::Final("there is no store in it, but a table `wardline` of something else".to_owned());
    let found = client.query_opt("SELECT value FROM wardline WHERE name = 'schema'", &[]).await;
    match found {
        Ok(Some(row)) => row.try_get(0).map_err(|_| foreign()),
        Ok(None) => Err(foreign()),
        Err(e) if e.code() == Some(&tokio_postgres::error::SqlState::UNDEFINED_COLUMN) => Err(foreign()),
        Err(e) => Err(e.into()),
    }
}
