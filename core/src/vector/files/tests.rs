//! Headers of files as their writers make them, at every cut.

use super::*;

fn counts(name: &str, pieces: &[&[u8]]) -> Option<(u64, u64, u64)> {
    let mut counter = FileCounter::new(name);
    pieces.iter().for_each(|piece| counter.push(piece));
    counter.census().map(|census| (census.vectors, census.rows, census.ids_total))
}

fn check(name: &str, file: &[u8], expected: Option<(u64, u64, u64)>) {
    assert_eq!(counts(name, &[file]), expected, "{name}");
    for cut in 0..file.len() {
        let (before, after) = file.split_at(cut);
        assert_eq!(counts(name, &[before, after]), expected, "{name} cut at {cut}");
    }
    let bytes: Vec<_> = file.chunks(1).collect();
    assert_eq!(counts(name, &bytes), expected, "{name} byte by byte");
}

#[test]
fn samples() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/census/files");
    for (name, counts) in [
        ("export.npy", Some((5, 5, 5))),
        ("export.npz", Some((5, 5, 5))),
        ("export.safetensors", Some((5, 5, 5))),
        ("export.fvecs", Some((5, 5, 5))),
        ("export.csv", Some((5, 5, 5))),
        ("export.parquet", Some((5, 5, 5))),
        ("export.arrow", Some((5, 5, 5))),
        ("export.arrows", Some((5, 5, 5))),
        // Halves, doubles of which two are missing, and codes within a structure; words and counts are no vectors.
        ("mixed.parquet", Some((7 + 5 + 7, 7, 7))),
        ("mixed.arrows", Some((7 + 5 + 7, 7, 7))),
        // Lists in lists, of which one is empty.
        ("several.parquet", Some((5, 3, 3))),
        ("several.arrow", Some((5, 3, 3))),
        ("none.parquet", Some((0, 2, 2))),
    ] {
        let file = std::fs::read(format!("{folder}/{name}")).unwrap();
        check(name, &file, counts);
    }
}

#[test]
fn a_footer_tells_nothing_before_it_is_there() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/census/files");
    let file = std::fs::read(format!("{folder}/mixed.parquet")).unwrap();
    let (most, last) = file.split_at(file.len() - 1);
    assert_eq!(counts("a.parquet", &[most]), None);
    assert!(counts("a.parquet", &[most, last]).is_some());
    // Rows in front of what they say of themselves.
    let file = std::fs::read(format!("{folder}/export.arrows")).unwrap();
    let counted: Vec<_> =
        (0..file.len()).filter_map(|end| counts("a", &[file.get(..end).unwrap()])).collect();
    assert!(counted.contains(&(0, 0, 0)) && counted.contains(&(2, 2, 2)) && counted.contains(&(4, 4, 4)));
}

#[test]
fn damaged_files_are_read_to_their_end() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/census/files");
    for name in ["mixed.parquet", "mixed.arrows", "several.arrow"] {
        let file = std::fs::read(format!("{folder}/{name}")).unwrap();
        let mut same = 0;
        for at in 0..file.len() {
            let mut other = file.clone();
            other[at] ^= 0xff;
            same += usize::from(counts(name, &[&other]) == counts(name, &[&file]));
        }
        // What is data, or a name, counts nothing; what tells of it does.
        assert!(same > file.len() / 4 && same < file.len(), "{name}: {same} of {}", file.len());
    }
    // A footer whose length leads into it is none.
    let mut file = std::fs::read(format!("{folder}/mixed.parquet")).unwrap();
    let at = file.len() - 8;
    file[at] ^= 1;
    check("a.parquet", &file, None);
}

fn npy(kind: &str, shape: &str) -> Vec<u8> {
    let text = format!("{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}\n");
    let mut file = b"\x93NUMPY\x01\x00".to_vec();
    file.extend(u16::try_from(text.len()).unwrap().to_le_bytes());
    file.extend(text.bytes());
    file
}

#[test]
fn arrays_by_their_shape() {
    check("a.npy", &npy("<f4", "(7, 768)"), Some((7, 7, 7)));
    check("a.npy", &npy("<f2", "(7, 12, 96)"), Some((84, 7, 7)));
    check("a.npy", &npy("<i8", "(9,)"), Some((0, 0, 9)));
    check("a.npy", &npy("<i8", "(9, 2)"), Some((0, 0, 0)));
    check("a.npy", &npy("|u1", "(3, 96)"), Some((3, 3, 3)));
    check("a.npy", &npy("<f4", "()"), Some((0, 0, 0)));
    check("a.npy", &npy("<f4", "(-1, 2)"), None);
    let file = [npy("<f4", "(7, 768)"), vec![0; 100]].concat();
    check("a.npy", &file, Some((7, 7, 7)));
}

#[test]
fn packed_archives() {
    use flate2::{Compression, write::DeflateEncoder};
    use std::io::Write;
    let content = [npy("<f4", "(6, 4)"), vec![0; 96]].concat();
    let mut packed = DeflateEncoder::new(Vec::new(), Compression::default());
    packed.write_all(&content).unwrap();
    let packed = packed.finish().unwrap();
    let header = |method: u16, flags: u16, name: &[u8], size: usize| {
        let mut header = b"PK\x03\x04\x14\0".to_vec();
        header.extend(flags.to_le_bytes());
        header.extend(method.to_le_bytes());
        header.extend([0; 8]);
        header.extend(u32::try_from(size).unwrap().to_le_bytes());
        header.extend([0; 4]);
        header.extend(u16::try_from(name.len()).unwrap().to_le_bytes());
        header.extend([0; 2]);
        header.extend(name);
        header
    };
    let end = b"PK\x01\x02and so on";
    let archive = |flags| {
        let notes = [header(0, 0, b"notes.txt", 5), b"hello".to_vec()].concat();
        [notes, header(8, flags, b"v.npy", packed.len()), packed.clone(), end.to_vec()].concat()
    };
    check("a.npz", &archive(0), Some((6, 6, 6)));
    check("a.npz", &archive(1), None);
    check("a.npz", &[header(0, 8, b"v.npy", 0), content].concat(), None);
}

#[test]
fn what_is_not_known_is_not_counted() {
    for file in [
        &b"PAR1 and more of it"[..],
        b"ARROW1\0\0 and more",
        b"\xff\xff\xff\xff\x10\0\0\0 and more",
        b"a text of some length",
    ] {
        check("a.bin", file, None);
    }
    check("a.safetensors", b"\x02\0\0\0\0\0\0\0{}", Some((0, 0, 0)));
    check("a.safetensors", b"\x03\0\0\0\0\0\0\0{]}", None);
    check("a.safetensors", b"\xff\xff\xff\xff\xff\xff\xff\xff{}", None);
    check("a.fvecs", b"\0\0\0\0 damaged", None);
    check("/b/a.FVECS?x=1", b"\x01\0\0\0AAAA\x01\0\0\0AA", Some((2, 2, 2)));
}

/// The parts of a body: headers and content of each.
fn multipart(parts: &[(&str, &[u8])]) -> Vec<u8> {
    let mut body = Vec::new();
    for (headers, content) in parts {
        body.extend_from_slice(b"--x-1\r\n");
        body.extend_from_slice(headers.as_bytes());
        body.extend_from_slice(b"\r\n\r\n");
        body.extend_from_slice(content);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(b"--x-1--\r\n");
    body
}

fn parts_counted(pieces: &[&[u8]]) -> Option<(u64, u64, u64)> {
    let mut counter = FileCounter::of_parts(b"x-1");
    pieces.iter().for_each(|piece| counter.push(piece));
    counter.census().map(|census| (census.vectors, census.rows, census.ids_total))
}

#[test]
fn files_in_parts_are_counted_together() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/census/files");
    let file = |name: &str| std::fs::read(format!("{folder}/{name}")).unwrap();
    let (npy, parquet, fvecs) = (file("export.npy"), file("mixed.parquet"), file("export.fvecs"));
    let field = ("Content-Disposition: form-data; name=\"purpose\"", b"batch".as_slice());
    let form = multipart(&[
        field,
        ("Content-Disposition: form-data; name=\"file\"; filename=\"a.npy\"", &npy),
        (
            "content-disposition: form-data; name=\"file\"; FileName=\"b.fvecs\"\r\nContent-Type: text/plain",
            &fvecs,
        ),
        ("Content-Disposition: form-data; name=\"empty\"", b""),
        ("Content-Disposition: form-data; name=\"more\"; filename=\"c.parquet\"", &parquet),
    ]);
    let related = multipart(&[
        ("Content-Type: application/json; charset=UTF-8", b"{\"name\":\"a.npy\"}"),
        ("Content-Type: application/octet-stream", &npy),
    ]);
    let other = multipart(&[(
        "Content-Disposition: form-data; name=\"f\"; filename=\"a.pdf\"",
        b"%PDF-1.7 and more",
    )]);
    let none = multipart(&[field]);
    for (body, expected) in [
        (form, Some((5 + 5 + 19, 5 + 5 + 7, 5 + 5 + 7))),
        (related, Some((5, 5, 5))),
        (other, None),
        (none, Some((0, 0, 0))),
    ] {
        assert_eq!(parts_counted(&[&body]), expected);
        for cut in 0..body.len() {
            let (before, after) = body.split_at(cut);
            assert_eq!(parts_counted(&[before, after]), expected, "cut at {cut}");
        }
        assert_eq!(parts_counted(&body.chunks(1).collect::<Vec<_>>()), expected);
    }
}

#[test]
fn while_a_files_header_is_open_its_body_tells_nothing() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/census/files");
    let parquet = std::fs::read(format!("{folder}/mixed.parquet")).unwrap();
    let body = multipart(&[("Content-Disposition: form-data; name=\"f\"; filename=\"c.parquet\"", &parquet)]);
    let footer = body.len() - "\r\n--x-1--\r\n".len();
    assert_eq!(parts_counted(&[body.get(..footer - 20).unwrap()]), None);
    assert_eq!(parts_counted(&[&body]), Some((19, 7, 7)));
    assert_eq!(parts_counted(&[b"--x-1\r\n", &[b'h'; 20_000]]), None);
}

#[test]
fn tables_are_read_cell_by_cell() {
    let wide = |first: &str| format!("{first}{}\n", ",0.5".repeat(16));
    for (name, text, counted) in [
        // The last line may have no end, and a text may hold separators, quotes and lines.
        ("a.csv", "id,v\r\n7,\"[0.1,-0.2,0.3]\"\r\n\"x, \"\"y\"\"\nz\",\"[1,2,3]\"", (2, 2, 2)),
        ("a.tsv", "id\tv\n7\t[0.1,-0.2,0.3]\n8\t[0.1,-0.2,0.3]", (2, 2, 2)),
        ("a.csv?x=1", "7,\"[0.1,-0.2,0.3]\"\n", (1, 1, 1)),
        ("a.csv", "id,title_vector,tags,place\n1,\"[1,0]\",\"[1,2]\",\"[1.5,2.5]\"\n", (1, 1, 1)),
        ("a.csv", "id,embedding,other\n1,AAAAPwAAAL8AAIA+AACAPw==,\"{1:0.5,3:1.5}/5\"\n", (2, 1, 1)),
        ("a.csv", "name,price\na,1.5\nb,2\n\n", (0, 2, 2)),
        ("a.csv", "name,city\n", (0, 0, 0)),
        ("a.csv", "", (0, 0, 0)),
        ("a.csv", &wide("7"), (1, 1, 1)),
        ("a.csv", &format!("id{}\n{}{}", ",d".repeat(16), wide("7"), wide("8")), (2, 2, 2)),
    ] {
        check(name, text.as_bytes(), Some(counted));
    }
    let long = format!("id,v\n1,\"[{}0.5]\"\n2,\"{}\"\n", "0.25, ".repeat(20_000), "word ".repeat(20_000));
    assert_eq!(counts("a.csv", &[long.as_bytes()]), Some((1, 2, 2)));
}
