//! The columns of a query: what comes out of each row.

use super::Dialect;
use super::cursor::{Tokens, after, any, at, from, inside, is, is_query, kind, name, places};
use super::effects::{Effects, Rows, Shape, VECTORS};
use super::knowledge::{KNOWLEDGE, is_key_column};
use super::lexer::{Kind, Token};

pub(super) const DISTANCES: [&str; 6] = ["<->", "<=>", "<#>", "<+>", "<~>", "<%>"];
/// Functions that measure two vectors against each other.
const MEASURES: [&str; 51] = [
    "l2_distance",
    "cosine_distance",
    "inner_product",
    "negative_inner_product",
    "l1_distance",
    "hamming_distance",
    "jaccard_distance",
    "vec_distance",
    "vec_distance_cosine",
    "vec_distance_euclidean",
    "vec_distance_l2",
    "vec_distance_l1",
    "vector_distance",
    "distance",
    "array_distance",
    "array_cosine_distance",
    "array_cosine_similarity",
    "array_inner_product",
    "array_negative_inner_product",
    "list_distance",
    "list_cosine_similarity",
    "list_cosine_distance",
    "list_inner_product",
    "cosinedistance",
    "l2distance",
    "l1distance",
    "vector_cosine_similarity",
    "vector_l2_distance",
    "vector_inner_product",
    "ml_distance",
    "euclidean_distance",
    "manhattan_distance",
    "vector_l1_distance",
    "vector_dot_product",
    "cosine_similarity",
    "dot_product",
    "dotproduct",
    "l2squareddistance",
    "linfdistance",
    "lpdistance",
    "approx_l2_distance",
    "approx_cosine_distance",
    "approx_dot_product",
    "approx_distance",
    "approx_euclidean_distance",
    "vec_l2_distance",
    "vec_l1_distance",
    "vec_cosine_distance",
    "vec_negative_inner_product",
    "vec_distance_hamming",
    "vss_search",
];
/// Functions of a vector that tell little of it.
const SIZES: [&str; 24] = [
    "vector_dims",
    "vector_norm",
    "vector_dim",
    "vector_dimension",
    "vector_dimension_count",
    "vector_dimension_format",
    "vectorproperty",
    "l2_norm",
    "l1norm",
    "l2norm",
    "linfnorm",
    "lpnorm",
    "vec_dim",
    "vec_dims",
    "vec_l2_norm",
    "vec_length",
    "vec_type",
    "length",
    "octet_length",
    "array_length",
    "array_size",
    "cardinality",
    "datalength",
    "pg_column_size",
];
/// Functions that give the vector they are given in another form, or one that is made of it: what is handed to them is a vector.
const FORMS: [&str; 22] = [
    "vec_totext",
    "vec_as_text",
    "vec_to_json",
    "vec_add",
    "vec_sub",
    "vec_slice",
    "vec_normalize",
    "vec_quantize_int8",
    "vec_quantize_binary",
    "vec_quantize_i8",
    "vec_each",
    "vector_to_string",
    "vector_to_raw",
    "vector_to_float4",
    "vector_serialize",
    "vector_normalize",
    "from_vector",
    "l2_normalize",
    "l2normalize",
    "subvector",
    "binary_quantize",
    "vector_to_array",
];
const AGGREGATES: [&str; 71] = [
    "count",
    "sum",
    "avg",
    "min",
    "max",
    "stddev",
    "stddev_pop",
    "stddev_samp",
    "variance",
    "var_pop",
    "var_samp",
    "bool_and",
    "bool_or",
    "every",
    "corr",
    "covar_pop",
    "covar_samp",
    "regr_slope",
    "mode",
    "percentile_cont",
    "percentile_disc",
    "median",
    "approx_count_distinct",
    "approx_percentile",
    "uniq",
    "uniqexact",
    "countif",
    "sumif",
    "avgif",
    "quantile",
    "any_value",
    "total",
    "count_big",
    "bit_xor",
    "vector_avg",
    "vector_sum",
    "quantiles",
    "quantileexact",
    "quantiletdigest",
    "quantiletiming",
    "quantile_cont",
    "quantile_disc",
    "approx_quantile",
    "approx_distinct",
    "uniqcombined",
    "uniqcombined64",
    "uniqhll12",
    "uniqif",
    "stddevpop",
    "stddevsamp",
    "varpop",
    "varsamp",
    "stdev",
    "stdevp",
    "var",
    "varp",
    "std",
    "kurtosis",
    "skewness",
    "entropy",
    "count_if",
    "bit_and",
    "bit_or",
    "logical_and",
    "logical_or",
    "booland_agg",
    "boolor_agg",
    "regr_intercept",
    "regr_r2",
    "regr_count",
    "checksum_agg",
];
/// Aggregates whose value is of the kind of what they are given: of one row's vector, that vector.
const ALIKE: [&str; 9] =
    ["sum", "avg", "min", "max", "any_value", "mode", "median", "vector_avg", "vector_sum"];
/// Aggregates that hold the values of all their rows.
const GATHERERS: [&str; 22] = [
    "array_agg",
    "string_agg",
    "json_agg",
    "jsonb_agg",
    "json_object_agg",
    "jsonb_object_agg",
    "xmlagg",
    "group_concat",
    "json_group_array",
    "json_group_object",
    "json_arrayagg",
    "json_objectagg",
    "listagg",
    "list",
    "collect_list",
    "collect_set",
    "grouparray",
    "groupuniqarray",
    "arrayagg",
    "object_agg",
    "array_concat_agg",
    "wm_concat",
];

fn called<'t>(tokens: Tokens<'t, '_>, place: usize) -> Option<&'t Token<'t>> {
    let token = at(tokens, place)?;
    (token.names() && kind(tokens, place + 1) == Some(Kind::Open)).then_some(token)
}

fn one_of(token: &Token<'_>, names: &[&str]) -> bool {
    names.iter().any(|name| token.text.eq_ignore_ascii_case(name))
}

fn measures(tokens: Tokens<'_, '_>, place: usize) -> bool {
    at(tokens, place).is_some_and(|token| token.kind == Kind::Operator && DISTANCES.contains(&&*token.text))
        || called(tokens, place).is_some_and(|token| one_of(token, &MEASURES))
        || matches(tokens, place)
}

/// Whether a column of vectors is asked for its nearest, as sqlite-vec has it: `embedding MATCH ?`.
fn matches(tokens: Tokens<'_, '_>, place: usize) -> bool {
    is(tokens, place, "MATCH")
        && kind(tokens, place + 1) != Some(Kind::Open)
        && place
            .checked_sub(1)
            .and_then(|before| at(tokens, before))
            .is_some_and(|column| column.names() && super::knowledge::is_vector_column(&column.text))
}

/// Whether rows come by the nearness of vectors.
pub(super) fn searches(tokens: Tokens<'_, '_>) -> bool {
    (0..tokens.len()).any(|place| measures(tokens, place))
        && !tokens.iter().all(|token| matches!(token.kind, Kind::Text | Kind::Operator | Kind::Number))
}

/// Columns that are measured, or written out as vectors are, are vectors, whatever their names.
pub(super) fn note_vectors(tokens: Tokens<'_, '_>, effects: &mut Effects) {
    let formed = |place: &usize| called(tokens, *place).is_some_and(|token| one_of(token, &FORMS));
    for place in (0..tokens.len()).filter(formed) {
        let Some((given, _)) =
            name(tokens, place + 2).filter(|(_, next)| kind(tokens, *next) != Some(Kind::Open))
        else {
            continue;
        };
        if at(tokens, place + 2).is_some_and(Token::names) {
            effects.vector_column(given.rsplit('.').next().unwrap_or(&given));
        }
    }
    for place in (0..tokens.len()).filter(|place| measures(tokens, *place)) {
        let before = place
            .checked_sub(1)
            .and_then(|before| at(tokens, before))
            .filter(|_| called(tokens, place).is_none());
        let after =
            if called(tokens, place).is_some() { at(tokens, place + 2) } else { at(tokens, place + 1) };
        for token in [before, after].into_iter().flatten().filter(|token| token.names()) {
            effects.vector_column(&token.text);
        }
    }
}

enum Item {
    Star,
    Vector,
    Column,
    /// A function whose effect stands for it.
    Effect,
    /// One value of many rows; whether it is a vector that is made of theirs.
    Aggregate {
        vector: bool,
    },
    /// All values of many rows; whether whole rows of a source are among them.
    Gathered {
        vector: bool,
        whole: bool,
    },
    Constant,
}

/// What the items of a query make of the rows of its sources. Whether a vector among them is made of those of all rows.
pub(super) fn shape(
    items: &[Tokens<'_, '_>],
    group: Option<Tokens<'_, '_>>,
    sourced: bool,
    rows: &mut Rows,
    effects: &mut Effects,
) -> bool {
    let items: Vec<Item> = items.iter().map(|item| read(item, effects)).collect();
    let any = |wanted: fn(&Item) -> bool| items.iter().any(wanted);
    let columns = any(|item| matches!(item, Item::Star | Item::Vector | Item::Column));
    let source = rows.shape;
    rows.star |= any(|item| matches!(item, Item::Star));
    rows.gathers = any(|item| matches!(item, Item::Gathered { .. }));
    let made =
        sourced && source >= Shape::Rows && any(|item| matches!(item, Item::Aggregate { vector: true }));
    let vectors = any(|item| matches!(item, Item::Vector | Item::Gathered { vector: true, .. }))
        || source == Shape::Vectors && any(|item| matches!(item, Item::Gathered { whole: true, .. }))
        // A vector a group: of groups of one row, the rows' own.
        || made && group.is_some();
    let keyed = group.is_some_and(|group| {
        group.iter().any(|token| token.names() && is_key_column(&token.text, &effects.tables))
    });
    if vectors && sourced && source >= Shape::Rows {
        rows.shape = Shape::Vectors;
    } else if rows.gathers && sourced {
        rows.shape = source.min(Shape::Rows);
    } else if !columns && !any(|item| matches!(item, Item::Aggregate { .. } | Item::Constant)) {
        rows.shape = Shape::Nothing;
    } else if !columns || any(|item| matches!(item, Item::Aggregate { .. })) && group.is_some() && !keyed {
        rows.shape = if source == Shape::Nothing && sourced { Shape::Nothing } else { Shape::Computed };
        if group.is_none() {
            rows.bound = Some(1);
        }
    } else if !sourced {
        rows.shape = Shape::Computed;
    } else if !rows.star {
        rows.shape = source.min(Shape::Rows);
    }
    made && rows.shape == Shape::Computed
}

/// The names by which a whole row of a source may be asked for, where the dialect has that: `SELECT t FROM (...) t`.
pub(super) fn whole_rows(sources: Tokens<'_, '_>, effects: &mut Effects) {
    effects.whole_rows.clear();
    if !matches!(effects.dialect, Dialect::Postgres | Dialect::Redshift | Dialect::DuckDb | Dialect::BigQuery)
    {
        return;
    }
    let ends = |place: usize| {
        matches!(kind(sources, place), None | Some(Kind::Comma))
            || any(
                sources,
                place,
                &["ON", "USING", "JOIN", "INNER", "LEFT", "RIGHT", "FULL", "CROSS", "NATURAL", "TABLESAMPLE"],
            )
    };
    for place in places(sources).filter(|place| ends(after(sources, *place))).take(VECTORS) {
        // `t (a, b)` names its columns too.
        let named = if kind(sources, place) == Some(Kind::Open) { place.checked_sub(1) } else { Some(place) };
        let name = named.and_then(|place| at(sources, place)).filter(|token| token.names());
        effects.whole_rows.extend(name.map(|token| token.text.to_lowercase()));
    }
}

/// Whether an item is a function whose effect stands for it, and for the queries that it is given.
pub(super) fn stands(item: Tokens<'_, '_>, effects: &Effects) -> bool {
    matches!(read(item, effects), Item::Effect)
}

/// Takes note of the names under which a query's vectors come out of it: those of `AS`, or the ones that `given` has in their places.
pub(super) fn note_names(query: Tokens<'_, '_>, given: Tokens<'_, '_>, effects: &mut Effects) {
    use super::cursor::{bare, between, commas, find, keyword, split};
    let query = bare(query);
    let parts = split(query, |place| place > 0 && keyword(query, place, &["UNION", "INTERSECT", "EXCEPT"]));
    let names: Vec<Tokens<'_, '_>> = if given.is_empty() { Vec::new() } else { commas(given) };
    let mut first: Vec<Option<String>> = Vec::new();
    for (nth, part) in parts.into_iter().enumerate() {
        let start = usize::from(any(part, 0, &["ALL", "DISTINCT"]));
        let part = bare(from(part, start));
        if !is(part, 0, "SELECT") {
            continue;
        }
        let items = commas(between(part, 1, find(part, 1, &["FROM"]).unwrap_or(part.len())));
        for (place, item) in items.iter().enumerate().take(VECTORS) {
            let named = names.get(place).and_then(|name| at(name, 0)).or_else(|| item.last());
            let named = named.filter(|token| token.names()).map(|token| token.text.to_lowercase());
            if nth == 0 {
                first.push(named.clone());
            }
            let named = first.get(place).cloned().flatten();
            if let Some(named) = named.filter(|_| matches!(read(item, effects), Item::Vector)) {
                effects.vector_column(&named);
            }
        }
    }
}

fn read(item: Tokens<'_, '_>, effects: &Effects) -> Item {
    // What follows AS is a new name.
    let end = super::cursor::find(item, 0, &["AS"]).unwrap_or(item.len());
    let item = super::cursor::between(item, 0, end);
    // Redshift's `APPROXIMATE COUNT(DISTINCT a)` counts too.
    let roughly = any(item, 0, &["APPROXIMATE"]) && kind(item, 2) == Some(Kind::Open);
    let item = from(item, usize::from(roughly));
    if item.last().is_some_and(|token| token.operator("*"))
        && (item.len() == 1 || kind(item, item.len().wrapping_sub(2)) == Some(Kind::Dot))
    {
        return Item::Star;
    }
    if any(item, 1, &["EXCEPT", "EXCLUDE", "REPLACE"]) || any(item, 0, &["COLUMNS"]) {
        return Item::Star;
    }
    let mut found = Item::Constant;
    let windowed = item.iter().any(|token| token.is("OVER"));
    look(item, effects, windowed, &mut found);
    found
}

fn look(tokens: Tokens<'_, '_>, effects: &Effects, windowed: bool, found: &mut Item) {
    let mut place = 0;
    if (0..tokens.len()).any(|place| measures(tokens, place)) {
        *found = Item::Column;
        return;
    }
    while let Some(token) = at(tokens, place) {
        if token.kind == Kind::Open {
            if let Some(inner) = inside(tokens, place).filter(|inner| !is_query(inner)) {
                look(inner, effects, windowed, found);
            }
            place = after(tokens, place);
            continue;
        }
        // `body -> 'embedding'`
        let member = place.checked_sub(1).and_then(|before| at(tokens, before)).is_some_and(|before| {
            token.kind == Kind::Text && (before.operator("->") || before.operator("->>"))
        });
        if member && effects.is_vector(&token.text.to_lowercase()) {
            *found = Item::Vector;
        }
        let Some((whole, next)) = name(tokens, place).filter(|_| token.names()) else {
            place += 1;
            continue;
        };
        let last = whole.rsplit('.').next().unwrap_or(&whole);
        if let Some(inner) = inside(tokens, next) {
            if GATHERERS.contains(&last) {
                let mut held = Item::Constant;
                look(inner, effects, windowed, &mut held);
                let whole = matches!(held, Item::Star) || inner.iter().any(|token| token.operator("*"));
                *found = Item::Gathered { vector: matches!(held, Item::Vector), whole };
                return;
            }
            let one = AGGREGATES.contains(&last) && !windowed;
            if one || SIZES.contains(&last) {
                let mut held = Item::Constant;
                look(inner, effects, windowed, &mut held);
                let sized = SIZES.contains(&last) && !matches!(held, Item::Constant);
                if matches!(held, Item::Gathered { .. }) {
                    *found = held;
                    return;
                }
                let vector = one && ALIKE.contains(&last) && matches!(held, Item::Vector)
                    || matches!(found, Item::Aggregate { vector: true });
                if !matches!(found, Item::Vector | Item::Column | Item::Star) {
                    *found = if sized { Item::Column } else { Item::Aggregate { vector } };
                }
                place = after(tokens, next);
                // `count(*) FILTER (WHERE ok)`, `percentile_cont(0.5) WITHIN GROUP (ORDER BY x)`
                let words = ["FILTER", "WITHIN", "GROUP", "IGNORE", "RESPECT", "NULLS"];
                while one && (any(tokens, place, &words) || kind(tokens, place) == Some(Kind::Open)) {
                    place = after(tokens, place);
                }
                continue;
            }
            if let Some(meaning) = KNOWLEDGE.functions.find(&whole).filter(|meaning| !meaning.table_only) {
                let mut passed = Item::Constant;
                if meaning.passes {
                    look(inner, effects, windowed, &mut passed);
                }
                *found = if matches!(passed, Item::Constant) { Item::Effect } else { passed };
                return;
            }
            place = next;
            continue;
        }
        let keyword = token.kind == Kind::Word && next == place + 1 && is_word_of_expressions(token);
        if token.kind == Kind::Word && effects.is_vector(last)
            || token.kind == Kind::Name && effects.is_vector(last)
        {
            *found = Item::Vector;
        } else if effects.whole_rows.contains(&whole) && !matches!(found, Item::Vector) {
            *found = Item::Star;
        } else if !keyword && !matches!(found, Item::Vector | Item::Star) && !after_cast(tokens, place) {
            *found = Item::Column;
        }
        place = next;
    }
}

/// Whether the word at `place` is a type: `x::text`.
fn after_cast(tokens: Tokens<'_, '_>, place: usize) -> bool {
    place.checked_sub(1).and_then(|before| at(tokens, before)).is_some_and(|token| token.operator("::"))
}

fn is_word_of_expressions(token: &Token<'_>) -> bool {
    token.any(&[
        "TRUE",
        "FALSE",
        "NULL",
        "CURRENT_TIMESTAMP",
        "CURRENT_DATE",
        "CURRENT_TIME",
        "CURRENT_USER",
        "SESSION_USER",
        "USER",
        "LOCALTIME",
        "LOCALTIMESTAMP",
        "INTERVAL",
        "DATE",
        "TIMESTAMP",
        "CASE",
        "WHEN",
        "THEN",
        "ELSE",
        "END",
        "AND",
        "OR",
        "NOT",
        "IS",
        "IN",
        "DISTINCT",
        "FILTER",
        "WITHIN",
        "BETWEEN",
        "LIKE",
        "AT",
        "TIME",
        "ZONE",
        "ARRAY",
        "ROW",
        "SYSDATE",
        "ALL",
        "CURRENT_SCHEMA",
        "CURRENT_CATALOG",
        "CURRENT_ROLE",
    ])
}

/// Whether a list of columns, as of `INSERT` or `RETURNING`, has one of vectors.
pub(super) fn has_vector(tokens: Tokens<'_, '_>, effects: &Effects) -> bool {
    tokens.iter().enumerate().any(|(place, token)| {
        token.names()
            && kind(from(tokens, place), 1) != Some(Kind::Open)
            && effects.is_vector(&token.text.to_lowercase())
    })
}

/// Whether all that is named are keys.
pub(super) fn only_keys(tokens: Tokens<'_, '_>, effects: &Effects) -> bool {
    places(tokens).all(|place| {
        at(tokens, place).is_some_and(|token| {
            matches!(token.kind, Kind::Comma | Kind::Dot)
                || token.names()
                    && (is_key_column(&token.text, &effects.tables)
                        || kind(tokens, place + 1) == Some(Kind::Dot))
        })
    })
}
