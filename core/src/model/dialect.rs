//! The dialects of SQL that statements come in.

macro_rules! dialects {
    ($($variant:ident: $name:literal $(| $also:literal)*, $meaning:literal;)*) => {
        /// The grammar a statement is read by.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Dialect { $(#[doc = $meaning] $variant,)* }

        impl Dialect {
            /// Every dialect.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// Its name, e.g. `postgres`.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// The dialect of a name, e.g. `postgres` or `postgresql`; `None` for one that is not known.
            pub fn by_name(name: &str) -> Option<Self> {
                match name.to_ascii_lowercase().as_str() {
                    $($name $(| $also)* => Some(Self::$variant),)*
                    _ => None,
                }
            }
        }
    };
}

dialects! {
    Postgres: "postgres" | "postgresql" | "pg" | "pgvector" | "cockroachdb" | "generic", "PostgreSQL with pgvector, and what nobody named: its lexical rules.";
    MySql: "mysql" | "mariadb", "MySQL and MariaDB.";
    Sqlite: "sqlite", "SQLite.";
    DuckDb: "duckdb", "DuckDB.";
    ClickHouse: "clickhouse", "ClickHouse.";
    Snowflake: "snowflake", "Snowflake.";
    BigQuery: "bigquery", "BigQuery.";
    SqlServer: "sqlserver" | "mssql" | "tsql", "SQL Server.";
    Redshift: "redshift", "Redshift.";
    Spark: "spark" | "databricks" | "hive", "Spark and Databricks.";
    Oracle: "oracle", "Oracle.";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_reads_back() {
        for dialect in Dialect::ALL {
            assert_eq!(Dialect::by_name(dialect.name()), Some(*dialect));
        }
        assert_eq!(Dialect::by_name("PostgreSQL"), Some(Dialect::Postgres));
        assert_eq!(Dialect::by_name("cobol"), None);
    }
}
