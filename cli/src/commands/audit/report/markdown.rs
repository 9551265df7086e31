//! The report as Markdown. Values come from callers: none of them may end a cell, begin a link or be taken for markup.

use super::Section;

pub(super) fn write(span: &str, sections: &[Section]) -> String {
    let mut text = format!("# Audit report\n\n{}.\n", clear(span));
    for section in sections {
        let mark = if section.open { "**Look at this.** " } else { "" };
        text.push_str(&format!("\n## {}\n\n{mark}{}\n", section.question, clear(&section.answer)));
        if section.rows.is_empty() {
            continue;
        }
        text.push_str(&format!(
            "\n| {} |\n|{}\n",
            section.columns.join(" | "),
            "---|".repeat(section.columns.len())
        ));
        for row in &section.rows {
            let cells: Vec<String> = row.iter().map(|cell| clear(cell)).collect();
            text.push_str(&format!("| {} |\n", cells.join(" | ")));
        }
    }
    text
}

/// A value as text alone.
fn clear(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '|' | '<' | '>' | '[' | ']' | '`' | '*' | '\\' | '!' => {
                out.push('\\');
                out.push(c);
            }
            '&' => out.push_str("&amp;"),
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_stays_in_its_cell() {
        assert_eq!(clear("a|b\n<img> [x](y) `z`"), "a\\|b \\<img\\> \\[x\\](y) \\`z\\`");
    }
}
