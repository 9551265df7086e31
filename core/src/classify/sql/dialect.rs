//! How the dialects write what the lexer must tell apart: comments, strings and quoted names.

/// The grammar a statement is read by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// PostgreSQL with pgvector, and what nobody named: its lexical rules.
    Postgres,
    /// MySQL and MariaDB.
    MySql,
    /// SQLite.
    Sqlite,
    /// DuckDB.
    DuckDb,
    /// ClickHouse.
    ClickHouse,
    /// Snowflake.
    Snowflake,
    /// BigQuery.
    BigQuery,
    /// SQL Server.
    SqlServer,
    /// Redshift.
    Redshift,
    /// Spark and Databricks.
    Spark,
    /// Oracle.
    Oracle,
}

impl Dialect {
    /// The dialect of a name, e.g. `postgresql`; `None` for one that is not known.
    pub fn by_name(name: &str) -> Option<Self> {
        Some(match name.to_ascii_lowercase().as_str() {
            "postgresql" | "postgres" | "pg" | "pgvector" | "cockroachdb" | "generic" => Self::Postgres,
            "mysql" | "mariadb" => Self::MySql,
            "sqlite" => Self::Sqlite,
            "duckdb" => Self::DuckDb,
            "clickhouse" => Self::ClickHouse,
            "snowflake" => Self::Snowflake,
            "bigquery" => Self::BigQuery,
            "mssql" | "tsql" | "sqlserver" => Self::SqlServer,
            "redshift" => Self::Redshift,
            "spark" | "databricks" | "hive" => Self::Spark,
            "oracle" => Self::Oracle,
            _ => return None,
        })
    }

    /// The likeliest dialect of a text that comes without one: by the quotes that only some have.
    pub(super) fn guess(text: &str) -> Self {
        if text.contains('`') || text.contains("/*!") { Self::MySql } else { Self::Postgres }
    }

    pub(super) fn nests_comments(self) -> bool {
        matches!(self, Self::Postgres | Self::DuckDb | Self::SqlServer | Self::Redshift | Self::ClickHouse)
    }

    pub(super) fn hash_comments(self) -> bool {
        matches!(self, Self::MySql | Self::BigQuery | Self::ClickHouse)
    }

    /// Whether `--` begins a comment only before a space.
    pub(super) fn spaced_dashes(self) -> bool {
        self == Self::MySql
    }

    pub(super) fn backslashes(self) -> bool {
        matches!(self, Self::MySql | Self::ClickHouse | Self::BigQuery | Self::Snowflake | Self::Spark)
    }

    /// Whether `"a"` is a string.
    pub(super) fn double_quoted_strings(self) -> bool {
        matches!(self, Self::MySql | Self::BigQuery | Self::Spark)
    }

    pub(super) fn backticks(self) -> bool {
        !matches!(self, Self::Postgres | Self::Redshift | Self::SqlServer | Self::Oracle)
    }

    pub(super) fn brackets(self) -> bool {
        matches!(self, Self::SqlServer | Self::Sqlite)
    }

    pub(super) fn dollar_quotes(self) -> bool {
        matches!(self, Self::Postgres | Self::DuckDb | Self::Redshift | Self::Snowflake | Self::ClickHouse)
    }

    /// Whether `/*! ... */` runs.
    pub(super) fn live_comments(self) -> bool {
        self == Self::MySql
    }
}
