//! How the dialects write what the lexer must tell apart: comments, strings and quoted names.

pub use crate::model::Dialect;

impl Dialect {
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

    /// Whether what a block declares stands before it: `DECLARE a INT; b INT; BEGIN ... END`.
    pub(super) fn declares_blocks(self) -> bool {
        matches!(self, Self::Oracle | Self::Snowflake)
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

    /// Whether `<=>` asks whether two values are equal, and measures no distance.
    pub(super) fn equal_nulls(self) -> bool {
        matches!(self, Self::MySql | Self::Spark | Self::ClickHouse)
    }

    /// Whether `/*! ... */` runs.
    pub(super) fn live_comments(self) -> bool {
        self == Self::MySql
    }
}
