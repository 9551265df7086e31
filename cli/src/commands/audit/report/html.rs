//! The report as one page, without a script. `maud` escapes every value.

use maud::{DOCTYPE, html};

use super::Section;

const STYLE: &str = "body{font:1rem/1.5 system-ui,sans-serif;margin:2rem auto;max-width:80rem;padding:0 1rem}\
table{border-collapse:collapse;width:100%}td,th{border:1px solid;padding:.25rem .5rem;text-align:left;\
vertical-align:top;overflow-wrap:anywhere}.open{font-weight:bold}@media(prefers-color-scheme:dark){:root{color-scheme:dark}}";

pub(super) fn write(span: &str, sections: &[Section]) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                title { "Audit report" }
                style { (STYLE) }
            }
            body {
                h1 { "Audit report" }
                p { (span) "." }
                @for section in sections {
                    h2 { (section.question) }
                    p class=[section.open.then_some("open")] { (section.answer) }
                    @if !section.rows.is_empty() {
                        table {
                            thead { tr { @for column in section.columns { th scope="col" { (column) } } } }
                            tbody { @for row in &section.rows { tr { @for cell in row { td { (cell) } } } } }
                        }
                    }
                }
            }
        }
    };
    page.into_string()
}
