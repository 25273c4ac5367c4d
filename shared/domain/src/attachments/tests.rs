//! Names, parts, links; and files of every kind, whole and broken, as their first bytes show them.

use proptest::prelude::*;
use slipway_contract::Timestamp;
use slipway_contract::files::{AUDIENCE, FileClaims};
use slipway_contract::limits::{ATTACHMENT_BYTES, ATTACHMENT_LINK_MS, ATTACHMENT_PART_BYTES};
use slipway_contract::preview::ISSUER;

use super::*;
use crate::preview::LEEWAY_MS;

fn wanted(name: &str, bytes: u64, client_id: &str) -> BeginAttachment {
    BeginAttachment { name: name.to_owned(), bytes, client_id: client_id.to_owned() }
}

#[test]
fn a_name_is_that_of_a_file_and_shows_what_it_says() {
    let long = "x".repeat(255);
    for (name, kept) in [
        ("a.png", "a.png"),
        ("  Plan für Q3 (2).pdf ", "Plan für Q3 (2).pdf"),
        ("...", "..."),
        ("\"';<>%00.txt", "\"';<>%00.txt"),
        ("写真.jpg", "写真.jpg"),
        (long.as_str(), long.as_str()),
    ] {
        assert_eq!(announced(&wanted(name, 1, "c")).map(|one| one.name).as_deref(), Ok(kept));
    }
    let too_long = "ä".repeat(128);
    for wrong in [
        "",
        "  ",
        ".",
        "..",
        "a/b",
        "/",
        "..\\b",
        "a\nb",
        "a\0",
        "a\u{202e}gpj.exe",
        "a\u{2066}b",
        "\u{200f}a",
        too_long.as_str(),
    ] {
        let problem = announced(&wanted(wrong, 1, "c")).unwrap_err();
        assert_eq!(problem.field.as_deref(), Some("name"), "{wrong:?}");
    }
}

#[test]
fn a_file_has_a_size_and_its_upload_a_name() {
    for bytes in [1, ATTACHMENT_BYTES] {
        assert!(announced(&wanted("a", bytes, "c")).is_ok());
    }
    for bytes in [0, ATTACHMENT_BYTES + 1, u64::MAX] {
        let problem = announced(&wanted("a", bytes, "c")).unwrap_err();
        assert_eq!(problem.field.as_deref(), Some("bytes"), "{bytes}");
    }
    assert!(announced(&wanted("a", 1, &"c".repeat(64))).is_ok());
    for client_id in ["", "a\0", &"c".repeat(65)] {
        let problem = announced(&wanted("a", 1, client_id)).unwrap_err();
        assert_eq!(problem.field.as_deref(), Some("client_id"), "{client_id:?}");
    }
}

#[test]
fn parts_are_of_one_size_but_the_last() {
    const PART: u64 = ATTACHMENT_PART_BYTES;
    let sizes = |bytes| (0..=4).map(|part| part_bytes(bytes, part).unwrap_or(0)).collect::<Vec<_>>();
    assert_eq!((parts(1), sizes(1)), (1, vec![0, 1, 0, 0, 0]));
    assert_eq!((parts(PART), sizes(PART)), (1, vec![0, PART, 0, 0, 0]));
    assert_eq!((parts(PART + 1), sizes(PART + 1)), (2, vec![0, PART, 1, 0, 0]));
    assert_eq!((parts(3 * PART), sizes(3 * PART)), (3, vec![0, PART, PART, PART, 0]));
    assert_eq!(part_bytes(u64::MAX, u64::MAX), None);

    assert_eq!(lacking(PART + 1, []), Some(1));
    assert_eq!(lacking(PART + 1, [1]), Some(2));
    assert_eq!(lacking(PART + 1, [2]), Some(1));
    assert_eq!(lacking(2 * PART + 1, [1, 3]), Some(2));
    assert_eq!(lacking(PART + 1, [1, 2]), None);
}

/// A header with its bytes from somewhere on.
fn from(at: usize, start: &[u8], bytes: &[u8]) -> Vec<u8> {
    let mut head = start.to_vec();
    head.resize(at, 0);
    head.extend_from_slice(bytes);
    head
}

fn png(width: u32, height: u32) -> Vec<u8> {
    let head = from(16, b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR", &width.to_be_bytes());
    [head.as_slice(), &height.to_be_bytes(), &[8, 6, 0, 0, 0]].concat()
}

fn webp(chunk: &[u8; 4], content: &[u8]) -> Vec<u8> {
    [b"RIFF\x40\0\0\0WEBP".as_slice(), chunk, b"\x20\0\0\0", content].concat()
}

/// A JPEG of 200 × 100, with these segments first.
fn jpeg(segments: &[&[u8]]) -> Vec<u8> {
    let frame = b"\xff\xc0\x00\x11\x08\x00\x64\x00\xc8\x03";
    [b"\xff\xd8".as_slice(), &segments.concat(), frame].concat()
}

fn segment(marker: u8, content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len() + 2).unwrap().to_be_bytes();
    [[0xff, marker].as_slice(), &length, content].concat()
}

/// What a camera says of how it was held.
fn exif(orientation: u8, little: bool) -> Vec<u8> {
    let tiff: Vec<u8> = if little {
        [b"II*\0\x08\0\0\0\x02\0".as_slice(), &[0; 12], b"\x12\x01\x03\0\x01\0\0\0", &[orientation, 0, 0, 0]]
            .concat()
    } else {
        [b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01".as_slice(), &[0, orientation, 0, 0]].concat()
    };
    segment(0xe1, &[b"Exif\0\0".as_slice(), &tiff].concat())
}

fn boxed(kind: &[u8; 4], content: &[u8]) -> Vec<u8> {
    let size = u32::try_from(content.len() + 8).unwrap().to_be_bytes();
    [size.as_slice(), kind, content].concat()
}

fn size_of(width: u32, height: u32) -> Vec<u8> {
    boxed(b"ispe", &[[0; 4], width.to_be_bytes(), height.to_be_bytes()].concat())
}

fn avif(brand: &[u8; 4], properties: &[&[u8]]) -> Vec<u8> {
    let ftyp = boxed(b"ftyp", &[brand.as_slice(), &[0; 4], b"mif1"].concat());
    let properties = boxed(b"iprp", &boxed(b"ipco", &properties.concat()));
    let meta = [vec![0; 4], boxed(b"hdlr", &[0; 24]), properties].concat();
    [ftyp, boxed(b"meta", &meta)].concat()
}

#[test]
fn a_file_is_what_its_first_bytes_say() {
    let text = |text: &str| text.as_bytes().to_vec();
    let utf16 =
        |text: &str| [0xfeff].into_iter().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect();
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("image/png", png(1, 1)),
        ("image/jpeg", jpeg(&[])),
        ("image/gif", text("GIF87a")),
        ("image/gif", text("GIF89a<script>alert(1)</script>")),
        ("image/webp", webp(b"VP8X", &[0; 10])),
        ("image/avif", avif(b"avif", &[])),
        ("image/avif", avif(b"avis", &[])),
        ("image/avif", boxed(b"ftyp", b"mif1\0\0\0\0miafavif")),
        ("application/pdf", text("%PDF-1.7\n")),
        ("application/zip", b"PK\x03\x04\x14\0".to_vec()),
        (TEXT, text("a")),
        (TEXT, text("\n{\"a\": 1}\n")),
        (TEXT, text("\u{feff}Grüße")),
        (TEXT, text("1 < 2, and <3")),
        (TEXT, text("if a <b then")),
        (TEXT, text("#!/bin/sh\nrm -rf /\n")),
        (TEXT, b"latin \xe4\xf6\xfc".to_vec()),
        (TEXT, utf16("Grüße")),
        (TEXT, [text(&"a".repeat(1_445)), vec![0]].concat()),
        (OCTETS, vec![]),
        (OCTETS, vec![0]),
        (OCTETS, b"text\0".to_vec()),
        (OCTETS, [text(&"a".repeat(1_444)), vec![0]].concat()),
        (OCTETS, text("<svg xmlns='http://www.w3.org/2000/svg'><script>1</script></svg>")),
        (OCTETS, text("<?xml version='1.0'?><svg/>")),
        (OCTETS, text(" \r\n\t<!DOCTYPE html>")),
        (OCTETS, text("\u{feff}<html>")),
        (OCTETS, text("<SCRIPT>alert(1)</SCRIPT>")),
        (OCTETS, text("<!-- -->")),
        (OCTETS, text("</p>")),
        (OCTETS, utf16("<svg/>")),
        (OCTETS, text("\x7fELF\u{2}\u{1}\u{1}\0")),
        (OCTETS, boxed(b"ftyp", b"isom\0\0\x02\0isommp42")),
        (OCTETS, boxed(b"ftyp", b"isomavifisom")),
        (OCTETS, b"\x89PNG\r\n\x1a".to_vec()),
        (OCTETS, b"RIFF\x04\0\0\0WAVE".to_vec()),
    ];
    for (expected, head) in cases {
        assert_eq!(sniff(&head), expected, "{:?}", String::from_utf8_lossy(&head));
    }
}

#[test]
fn a_picture_is_as_large_as_its_header_says_and_turned_as_it_is_shown() {
    let lossless = (u32::from(99_u8) | 49 << 14).to_le_bytes();
    let lossy = [0, 0, 0, 0x9d, 0x01, 0x2a, 100, 0x40, 50, 0x80];
    let other_app = segment(0xe1, b"http://ns.adobe.com/xap/1.0/\0");
    let cases = [
        (png(640, 480), Some([640, 480])),
        (png(0, 480), None),
        (png(65_535, 65_536), None),
        (png(u32::MAX, 1), None),
        (b"GIF89a\x40\x01\xf0\x00\xf7".to_vec(), Some([320, 240])),
        (webp(b"VP8X", &[0, 0, 0, 0, 0x7f, 2, 0, 0xdf, 1, 0]), Some([640, 480])),
        (webp(b"VP8L", &[&[0x2f], lossless.as_slice()].concat()), Some([100, 50])),
        (webp(b"VP8L", &[&[0x2e], lossless.as_slice()].concat()), None),
        (webp(b"VP8 ", &lossy), Some([100, 50])),
        (jpeg(&[]), Some([200, 100])),
        (
            jpeg(&[&segment(0xe0, b"JFIF\0"), b"\xff\xff\xff", &segment(0xc4, &[0; 30])[1..]]),
            Some([200, 100]),
        ),
        (jpeg(&[&exif(1, true)]), Some([200, 100])),
        (jpeg(&[&exif(3, false)]), Some([200, 100])),
        (jpeg(&[&exif(6, true)]), Some([100, 200])),
        (jpeg(&[&exif(8, false), &other_app]), Some([100, 200])),
        (jpeg(&[b"\xff\xda"]), None),
        (jpeg(&[&segment(0xe0, b"JFIF\0"), b"\x00"]), None),
        (
            avif(b"avif", &[&size_of(64, 64), &size_of(1_920, 1_080), &size_of(512, 512)]),
            Some([1_920, 1_080]),
        ),
        (avif(b"avif", &[&size_of(1_920, 1_080), &boxed(b"irot", &[3])]), Some([1_080, 1_920])),
        (avif(b"avif", &[&size_of(1_920, 1_080), &boxed(b"irot", &[2])]), Some([1_920, 1_080])),
        (avif(b"avif", &[]), None),
    ];
    for (head, expected) in cases {
        let media_type = sniff(&head);
        assert!(is_shown(media_type), "{media_type}");
        assert_eq!(pixels(media_type, &head), expected, "{media_type} {head:?}");
    }
    assert_eq!(pixels("application/pdf", &png(1, 1)), None);
}

proptest! {
    #[test]
    fn bytes_of_strangers_break_nothing(
        seed in 0_usize..9,
        changes in proptest::collection::vec((0_usize..200, any::<u8>()), 0..12),
        tail in proptest::collection::vec(any::<u8>(), 0..300),
        cut in 0_usize..400,
    ) {
        let mut head = match seed {
            0 => png(640, 480),
            1 => jpeg(&[&exif(6, true)]),
            2 => jpeg(&[&exif(6, false)]),
            3 => b"GIF89a\x40\x01\xf0\x00".to_vec(),
            4 => webp(b"VP8X", &[7; 10]),
            5 => webp(b"VP8L", &[0x2f, 1, 2, 3, 4]),
            6 => webp(b"VP8 ", &[0, 0, 0, 0x9d, 0x01, 0x2a, 1, 1, 1, 1]),
            7 => avif(b"avif", &[&size_of(64, 64), &boxed(b"irot", &[3])]),
            _ => Vec::new(),
        };
        head.extend_from_slice(&tail);
        for (at, byte) in changes {
            if let Some(there) = head.get_mut(at) {
                *there = byte;
            }
        }
        head.truncate(cut);
        let media_type = sniff(&head);
        for media_type in [media_type, "image/png", "image/jpeg", "image/gif", "image/webp", "image/avif"] {
            if let Some([width, height]) = pixels(media_type, &head) {
                prop_assert!((1..=65_535).contains(&width) && (1..=65_535).contains(&height));
            }
        }
        // Nothing that a browser would take for markup is ever told to be text.
        if media_type == TEXT {
            let shown = String::from_utf8_lossy(&head);
            prop_assert!(!shown.trim_start().to_lowercase().starts_with("<svg"));
        }
    }

    #[test]
    fn a_range_lies_within_its_file(range in "bytes=[0-9]{0,21}-[0-9]{0,21}", bytes in 1_u64..1_000) {
        if let Asked::Part { from, length } = asked(&range, bytes) {
            prop_assert!(length >= 1 && from + length <= bytes);
        }
    }
}

#[test]
fn a_range_is_one_of_bytes_or_none() {
    let part = |from, length| Asked::Part { from, length };
    for (range, expected) in [
        ("", Asked::Whole),
        ("bytes=0-9", part(0, 10)),
        ("bytes=90-", part(90, 10)),
        ("bytes=90-1000", part(90, 10)),
        ("bytes=-10", part(90, 10)),
        ("bytes=-1000", part(0, 100)),
        ("bytes=99-99", part(99, 1)),
        ("bytes=100-", Asked::Beyond),
        ("bytes=100-200", Asked::Beyond),
        ("bytes=-0", Asked::Beyond),
        ("bytes=99999999999999999999999-", Asked::Beyond),
        ("bytes=9-0", Asked::Whole),
        ("bytes=-", Asked::Whole),
        ("bytes=0-1,3-4", Asked::Whole),
        ("bytes=a-b", Asked::Whole),
        ("lines=0-9", Asked::Whole),
        ("bytes=+1-2", Asked::Whole),
    ] {
        assert_eq!(asked(range, 100), expected, "{range}");
    }
}

#[test]
fn a_link_is_for_files_and_for_an_hour() {
    let claims = FileClaims {
        iss: ISSUER.to_owned(),
        aud: AUDIENCE.to_owned(),
        org: OrgId::fresh(1, [1; 10]),
        chat: ChatId::fresh(1, [2; 10]),
        att: AttachmentId::fresh(1, [3; 10]),
        name: "a".to_owned(),
        media_type: TEXT.to_owned(),
        bytes: 1,
    };
    let made = Timestamp::from_unix_ms(1_800_000_000_000);
    let ends = made.plus_ms(ATTACHMENT_LINK_MS);
    for now in [made.plus_ms(-LEEWAY_MS), made, ends.plus_ms(-1)] {
        assert_eq!(check(&claims, made, ends, now), Ok(()));
    }
    assert_eq!(check(&claims, made, ends, ends), Err(LinkRefusal::Expired));
    assert_eq!(check(&claims, made, ends, made.plus_ms(-LEEWAY_MS - 1)), Err(LinkRefusal::NotYet));
    assert_eq!(check(&claims, made, ends.plus_ms(1), made), Err(LinkRefusal::TooLong));
    let previews = FileClaims { aud: slipway_contract::preview::AUDIENCE.to_owned(), ..claims.clone() };
    let others = FileClaims { iss: "somebody".to_owned(), ..claims };
    for wrong in [previews, others] {
        assert_eq!(check(&wrong, made, ends, made), Err(LinkRefusal::NotForFiles));
    }
}

#[test]
fn an_object_lies_below_its_org_and_chat() {
    let (org, chat, id) =
        (OrgId::fresh(1, [0; 10]), ChatId::fresh(2, [0; 10]), AttachmentId::fresh(3, [0; 10]));
    assert_eq!(
        object(org, chat, id),
        "orgs/org_00000000000170008000000000000000/chats/chat_00000000000270008000000000000000/attachments/att_00000000000370008000000000000000"
    );
}
