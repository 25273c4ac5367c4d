//! Makes a Postgres ready for Slipway: the roles `slipway_owner` (owns everything, runs migrations) and
//! `slipway_app` (what the Workers use: owns nothing, bypasses no row-level security), the database, the migrations.

use std::collections::BTreeMap;
use std::fs;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::thread;

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use refinery::{Migration, Runner};
use tokio_postgres::{Client, NoTls};
use url::Url;

use crate::progress::remedy;
use crate::repo;
use crate::secrets::DatabasePasswords;

/// The database that Slipway uses on a server of its own.
pub const NAME: &str = "slipway";
/// The role that owns all tables.
pub const OWNER: &str = "slipway_owner";
/// The role of the Workers.
pub const APP: &str = "slipway_app";

/// Held while roles are made and migrations run, so that two starts do not race. Any fixed number serves.
const LOCK: i64 = 0x736c_6970_7761_7900;

/// Connection URLs of one prepared database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Database {
    /// As the administrator that prepared it.
    pub admin_url: Url,
    /// As `slipway_owner`.
    pub owner_url: Url,
    /// As `slipway_app`: what the Workers get.
    pub app_url: Url,
}

impl Database {
    /// Creates on the server of `admin_url` what is missing: roles, and the database `name` (none: the one that the
    /// URL names). Passwords are set to the given ones. Repeating it changes nothing.
    ///
    /// # Errors
    /// When the server cannot be reached or the role of `admin_url` may not create roles.
    pub fn prepare(admin_url: &Url, name: Option<&str>, passwords: &DatabasePasswords) -> Result<Self> {
        let mut database_url = admin_url.clone();
        if let Some(name) = name {
            database_url.set_path(name);
        }
        let urls = Self {
            owner_url: with_role(&database_url, OWNER, &passwords.owner)?,
            app_url: with_role(&database_url, APP, &passwords.app)?,
            admin_url: database_url,
        };
        let (server, database) = (admin_url.clone(), urls.admin_url.clone());
        let (roles, name) = (role_statements(passwords), name.map(str::to_owned));
        wait(async move {
            let client = connect(&server).await?;
            client.execute("SELECT pg_advisory_lock($1)", &[&LOCK]).await?;
            client.batch_execute(&roles).await.map_err(|error| {
                remedy(
                    describe(&error),
                    "give the URL of a role that may create roles (superuser, or CREATEROLE)",
                )
            })?;
            check_roles(&client).await?;
            if let Some(name) = name {
                let exists =
                    client.query_opt("SELECT 1 FROM pg_database WHERE datname = $1", &[&name]).await?;
                if exists.is_none() {
                    client
                        .batch_execute(&format!("CREATE DATABASE \"{name}\" OWNER {OWNER}"))
                        .await
                        .map_err(|error| describe(&error))?;
                }
            }
            let inside = connect(&database).await?;
            inside.batch_execute(&database_statements(&database)).await.map_err(|error| describe(&error))
        })?;
        Ok(urls)
    }

    /// Applies the migrations that this database lacks, each in its own transaction; returns their names.
    ///
    /// # Errors
    /// When a file name is wrong, an applied migration was changed or removed, or a statement fails.
    pub fn migrate(&self) -> Result<Vec<String>> {
        let migrations = migrations()?
            .into_iter()
            .map(|file| {
                let sql = fs::read_to_string(&file.path)?;
                Ok(Migration::unapplied(&format!("V{}__{}", file.number, file.name), &sql)?)
            })
            .collect::<Result<Vec<_>>>()?;
        let url = self.owner_url.clone();
        wait(async move {
            let mut client = connect(&url).await?;
            client.execute("SELECT pg_advisory_lock($1)", &[&LOCK]).await?;
            let report = Runner::new(&migrations)
                .run_async(&mut client)
                .await
                .map_err(|error| migration_failure(&error))?;
            Ok(report
                .applied_migrations()
                .iter()
                .map(|done| format!("{:04}_{}", done.version(), done.name()))
                .collect())
        })
    }
}

/// Marks the chats of an org, or of all, so that each tells the index once more all that it told it; how many there are.
/// Archived ones have nothing to tell. The orchestrator's sweeps do it, within minutes.
///
/// # Errors
/// When the server of `url` cannot be reached, or its role does not own the tables.
pub fn reindex(url: &Url, org: Option<&str>) -> Result<u64> {
    let (url, org) = (url.clone(), org.map(str::to_owned));
    wait(async move {
        let mut client = connect(&url).await?;
        let client = client.transaction().await.map_err(|error| describe(&error))?;
        let work = async {
            // Row-level security holds for the owner too: which orgs there are, and then each of them.
            client.execute("SELECT set_config('app.system_job', 'sweeps', true)", &[]).await?;
            let orgs = client
                .query("SELECT DISTINCT org_id FROM chats WHERE $1::text IS NULL OR org_id = $1", &[&org])
                .await?;
            let mut marked = 0;
            for row in orgs {
                let org: String = row.get(0);
                client.execute("SELECT set_config('app.current_org_id', $1, true)", &[&org]).await?;
                let mark = "UPDATE chats SET retell = true WHERE org_id = $1 AND NOT archived";
                marked += client.execute(mark, &[&org]).await?;
            }
            Ok(marked)
        };
        let marked = work.await.map_err(|error| describe(&error))?;
        client.commit().await.map_err(|error| describe(&error))?;
        Ok(marked)
    })
}

/// How many chats are marked and have not heard of it yet.
///
/// # Errors
/// As [`reindex`].
pub fn to_reindex(url: &Url) -> Result<u64> {
    let url = url.clone();
    wait(async move {
        let mut client = connect(&url).await?;
        let client = client.transaction().await.map_err(|error| describe(&error))?;
        let work = async {
            client.execute("SELECT set_config('app.system_job', 'sweeps', true)", &[]).await?;
            client.query_one("SELECT count(*) FROM chats WHERE retell AND NOT archived", &[]).await
        };
        let row = work.await.map_err(|error| describe(&error))?;
        Ok(row.get::<_, i64>(0).unsigned_abs())
    })
}

/// One file of `migrations/`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MigrationFile {
    /// 1, 2, 3 … without gaps.
    pub number: u32,
    /// The rest of the file name, without `.sql`.
    pub name: String,
    /// Where it is.
    pub path: PathBuf,
}

/// All files of `migrations/`, in order.
///
/// # Errors
/// When a name is not `NNNN_what.sql`, or a number is missing or used twice.
pub fn migrations() -> Result<Vec<MigrationFile>> {
    let mut found = BTreeMap::new();
    for entry in
        fs::read_dir(repo::root().join("migrations")).context("cannot read the folder migrations/")?
    {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "sql") {
            let file = parse_name(&path)?;
            let (number, shown) = (file.number, path.display().to_string());
            ensure!(
                found.insert(number, file).is_none(),
                "two migrations have the number {number:04}: {shown}"
            );
        }
    }
    for (expected, number) in (1..).zip(found.keys()) {
        ensure!(expected == *number, "migration {expected:04} is missing before {number:04}");
    }
    Ok(found.into_values().collect())
}

fn parse_name(path: &Path) -> Result<MigrationFile> {
    let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    let parsed = stem.split_once('_').and_then(|(number, name)| {
        let plain =
            !name.is_empty() && name.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_');
        let number = (number.len() == 4).then(|| number.parse().ok()).flatten()?;
        plain.then(|| MigrationFile { number, name: name.to_owned(), path: path.to_owned() })
    });
    parsed.with_context(|| format!("{} is not named NNNN_what.sql", path.display()))
}

/// Creates the roles when they are missing and sets their passwords. Those are 24 random bytes, so SCRAM's iterations
/// (RFC 5802, section 9: they slow down the guessing of weak passwords) protect nothing here, but a Worker would spend
/// most of a connection's time on them: one is enough, where the server lets one choose (Postgres 16). Attributes are left alone: a new role has none of
/// the dangerous ones, and only a superuser may name them, which an administrator of a hosted server is not.
fn role_statements(passwords: &DatabasePasswords) -> String {
    let quick = "SELECT set_config(name, '1', false) FROM pg_settings WHERE name = 'scram_iterations';";
    let roles = [(OWNER, &passwords.owner), (APP, &passwords.app)]
        .map(|(role, password)| {
            let password = password.replace('\'', "''");
            format!(
                "DO $do$ BEGIN CREATE ROLE {role} LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $do$;
                 ALTER ROLE {role} WITH LOGIN PASSWORD '{password}';"
            )
        })
        .join("\n");
    format!("{quick}\n{roles}")
}

/// Row-level security protects nothing from a superuser or a role that bypasses it.
async fn check_roles(client: &Client) -> Result<()> {
    let strong = client
        .query(
            "SELECT rolname::text FROM pg_roles WHERE rolname = ANY($1) AND (rolsuper OR rolbypassrls)",
            &[&vec![OWNER, APP]],
        )
        .await?;
    if let Some(row) = strong.first() {
        let role: String = row.get(0);
        let advice = format!("as superuser: ALTER ROLE {role} NOSUPERUSER NOBYPASSRLS");
        return Err(remedy(anyhow!("the role {role} bypasses row-level security"), advice));
    }
    Ok(())
}

/// The owner may create in the database, nobody else in its schema; the Workers' role may connect and look names up. The
/// extension pgvector, where the server has it, is a superuser's to create: without it, nothing is found by its meaning.
fn database_statements(database: &Url) -> String {
    let name = database.path().trim_start_matches('/').replace('"', "\"\"");
    format!(
        "GRANT CONNECT, CREATE, TEMPORARY ON DATABASE \"{name}\" TO {OWNER};
         GRANT CONNECT ON DATABASE \"{name}\" TO {APP};
         REVOKE CREATE ON SCHEMA public FROM PUBLIC;
         GRANT USAGE, CREATE ON SCHEMA public TO {OWNER};
         GRANT USAGE ON SCHEMA public TO {APP};
         DO $do$ BEGIN
             IF EXISTS (SELECT 1 FROM pg_available_extensions WHERE name = 'vector') THEN
                 CREATE EXTENSION IF NOT EXISTS vector;
             END IF;
         EXCEPTION WHEN insufficient_privilege OR feature_not_supported OR undefined_file THEN NULL;
         END $do$;"
    )
}

fn with_role(url: &Url, role: &str, password: &str) -> Result<Url> {
    let mut url = url.clone();
    let set = url.set_username(role).and_then(|()| url.set_password(Some(password)));
    set.map_err(|()| anyhow!("the database URL {url} cannot carry a user"))?;
    Ok(url)
}

async fn connect(url: &Url) -> Result<Client> {
    let shown =
        format!("{}:{}{}", url.host_str().unwrap_or_default(), url.port().unwrap_or(5432), url.path());
    let (client, connection) = tokio_postgres::connect(url.as_str(), NoTls)
        .await
        .map_err(|error| describe(&error).context(format!("cannot connect to Postgres at {shown}")))?;
    // Ends with the client; a failure shows itself in the client's next call.
    tokio::spawn(connection);
    Ok(client)
}

/// tokio-postgres says no more than "db error"; this says what Postgres said.
fn describe(error: &tokio_postgres::Error) -> anyhow::Error {
    match error.as_db_error() {
        Some(said) => {
            let more = [said.detail(), said.hint()]
                .into_iter()
                .flatten()
                .map(|text| format!("\n{text}"))
                .collect::<String>();
            anyhow!("{} {}{more}", said.code().code(), said.message())
        }
        None => match std::error::Error::source(error) {
            Some(source) => anyhow!("{error}: {source}"),
            None => anyhow!("{error}"),
        },
    }
}

fn migration_failure(error: &refinery::Error) -> anyhow::Error {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text = format!(
            "{text}\n{}",
            cause.downcast_ref().map_or_else(|| cause.to_string(), |cause| describe(cause).to_string())
        );
        source = cause.source();
    }
    let advice = "mend the migration; one that has been applied elsewhere must not change: write a new one.\n\
                  To begin with an empty local database, delete the folder .slipway/data";
    remedy(anyhow!(text), advice)
}

/// Runs database work on a thread of its own, so that callers may be inside or outside an async runtime.
fn wait<T: Send + 'static>(work: impl Future<Output = Result<T>> + Send + 'static) -> Result<T> {
    let thread = thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(work)
    });
    match thread.join() {
        Ok(result) => result,
        Err(_) => bail!("the database thread panicked"),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{Database, migrations, parse_name};
    use crate::secrets::Secrets;

    fn check(file: &str, expected: Option<(u32, &str)>) {
        let parsed = parse_name(Path::new(file)).ok().map(|found| (found.number, found.name));
        assert_eq!(parsed, expected.map(|(number, name)| (number, name.to_owned())), "{file}");
    }

    #[test]
    fn a_migration_is_named_by_four_digits_and_words() {
        check("migrations/0001_foundation.sql", Some((1, "foundation")));
        check("migrations/0120_add_chat_index.sql", Some((120, "add_chat_index")));
        check("migrations/1_short.sql", None);
        check("migrations/0002.sql", None);
        check("migrations/0003_.sql", None);
        check("migrations/0004_has-dash.sql", None);
    }

    #[test]
    fn the_migrations_of_this_checkout_have_no_gaps() {
        let numbers: Vec<u32> = migrations().unwrap().iter().map(|file| file.number).collect();
        assert_eq!(numbers, (1..).take(numbers.len()).collect::<Vec<_>>());
        assert!(!numbers.is_empty());
    }

    #[test]
    fn an_unreachable_server_is_named_in_the_error() {
        // Port 9 (discard) has no server on a developer's machine.
        let url = "postgres://admin:secret@127.0.0.1:9/postgres".parse().unwrap();
        let error = Database::prepare(&url, None, &Secrets::generate().unwrap().database).unwrap_err();
        let text = format!("{error:#}");
        assert!(text.contains("cannot connect to Postgres at 127.0.0.1:9/postgres"), "{text}");
        assert!(!text.contains("secret"), "{text}");
    }
}
