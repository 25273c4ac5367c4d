//! How wide and high a picture is, read from its header, as browsers show it: turned where it says so.
//!
//! Invariant: bytes of strangers. Whatever they are, the answer is a size that can be, or none.

/// No picture is wider or higher (the most that JPEG and WebP can say).
const LONGEST: u32 = 65_535;

/// Width and height of a picture of this type that begins so.
pub fn pixels(media_type: &str, head: &[u8]) -> Option<[u32; 2]> {
    let size = match media_type {
        "image/png" => png(head),
        "image/jpeg" => jpeg(head),
        "image/gif" => gif(head),
        "image/webp" => webp(head),
        "image/avif" => avif(head),
        _ => None,
    }?;
    size.iter().all(|side| (1..=LONGEST).contains(side)).then_some(size)
}

/// The first chunk is the header (PNG, 11.2.2).
fn png(head: &[u8]) -> Option<[u32; 2]> {
    (head.get(12..16)? == b"IHDR").then_some(())?;
    Some([u32_at(head, 16)?, u32_at(head, 20)?])
}

/// The logical screen (GIF89a, 18).
fn gif(head: &[u8]) -> Option<[u32; 2]> {
    Some([small_le(head, 6, 2)?, small_le(head, 8, 2)?])
}

/// The first chunk says it, in one of three ways (RFC 9649).
fn webp(head: &[u8]) -> Option<[u32; 2]> {
    match head.get(12..16)? {
        b"VP8X" => Some([small_le(head, 24, 3)? + 1, small_le(head, 27, 3)? + 1]),
        b"VP8L" => {
            (*head.get(20)? == 0x2f).then_some(())?;
            let bits = small_le(head, 21, 4)?;
            Some([(bits & 0x3fff) + 1, ((bits >> 14) & 0x3fff) + 1])
        }
        b"VP8 " => {
            (head.get(23..26)? == b"\x9d\x01\x2a").then_some(())?;
            Some([small_le(head, 26, 2)? & 0x3fff, small_le(head, 28, 2)? & 0x3fff])
        }
        _ => None,
    }
}

/// The first frame header (ITU-T T.81, B.2.2), behind what cameras and editors put before it.
fn jpeg(head: &[u8]) -> Option<[u32; 2]> {
    let mut at = 2;
    let mut turned = false;
    loop {
        (*head.get(at)? == 0xff).then_some(())?;
        // Any number of fill bytes may stand before a marker.
        while *head.get(at)? == 0xff {
            at += 1;
        }
        let marker = *head.get(at)?;
        at += 1;
        match marker {
            // Without anything behind them.
            0x01 | 0xd0..=0xd8 => continue,
            // The picture itself, or its end: no frame header came.
            0x00 | 0xd9 | 0xda => return None,
            0xc0..=0xc3 | 0xc5..=0xc7 | 0xc9..=0xcb | 0xcd..=0xcf => {
                let [high, wide] = [u16_at(head, at + 3)?, u16_at(head, at + 5)?];
                return Some(if turned { [high, wide] } else { [wide, high] });
            }
            0xe1 => turned |= head.get(at + 2..).is_some_and(|segment| is_turned(segment) == Some(true)),
            _ => {}
        }
        at = at.checked_add(usize::try_from(u16_at(head, at)?).ok()?)?;
    }
}

/// Whether a camera was held upright, so that the picture is shown turned by a quarter (Exif 2.3, tag 0x0112).
fn is_turned(segment: &[u8]) -> Option<bool> {
    let tiff = segment.strip_prefix(b"Exif\0\0")?;
    let little = match tiff.get(..4)? {
        b"II*\0" => true,
        b"MM\0*" => false,
        _ => return None,
    };
    let short = |at: usize| if little { small_le(tiff, at, 2) } else { u16_at(tiff, at) };
    let long = |at: usize| if little { small_le(tiff, at, 4) } else { u32_at(tiff, at) };
    let entries = usize::try_from(long(4)?).ok()?;
    let count = usize::try_from(short(entries)?).ok()?;
    for entry in 0..count {
        let at = entries.checked_add(2)?.checked_add(entry * 12)?;
        if short(at)? == 0x0112 {
            return Some((5..=8).contains(&short(at.checked_add(8)?)?));
        }
    }
    None
}

/// The largest size among the properties (ISO/IEC 23008-12, 6.5.3): a picture of tiles has that of a tile as well.
fn avif(head: &[u8]) -> Option<[u32; 2]> {
    // `meta` is a full box: four bytes of version and flags come first.
    let meta = child(head, b"meta")?.get(4..)?;
    let properties = child(child(meta, b"iprp")?, b"ipco")?;
    let mut largest = None;
    let mut turned = false;
    for (kind, content) in Boxes(properties) {
        match kind {
            b"ispe" => {
                let size = [u32_at(content, 4)?, u32_at(content, 8)?];
                let area = |size: [u32; 2]| u64::from(size[0]) * u64::from(size[1]);
                largest = largest.filter(|known| area(*known) >= area(size)).or(Some(size));
            }
            // By quarters of a turn.
            b"irot" => turned = content.first()? & 1 == 1,
            _ => {}
        }
    }
    largest.map(|[wide, high]| if turned { [high, wide] } else { [wide, high] })
}

fn child<'b>(boxes: &'b [u8], wanted: &[u8; 4]) -> Option<&'b [u8]> {
    Boxes(boxes).find(|(kind, _)| *kind == wanted).map(|(_, content)| content)
}

/// The boxes of a file or box, one after the other; of the last one what there is.
struct Boxes<'b>(&'b [u8]);

impl<'b> Iterator for Boxes<'b> {
    type Item = (&'b [u8; 4], &'b [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let (size, rest) = self.0.split_first_chunk::<4>()?;
        let (kind, rest) = rest.split_first_chunk::<4>()?;
        let content = match u32::from_be_bytes(*size) {
            // To the end.
            0 => rest.len(),
            // A size of 64 bits: nothing that comes before the picture's own data has one.
            1 => return None,
            size => usize::try_from(size).ok()?.checked_sub(8)?,
        };
        let (content, rest) = rest.split_at_checked(content).unwrap_or((rest, &[]));
        self.0 = rest;
        Some((kind, content))
    }
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|four| u32::from_be_bytes(*four))
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|two| u32::from(u16::from_be_bytes(*two)))
}

/// A number of at most four bytes, the smallest first.
fn small_le(bytes: &[u8], at: usize, length: usize) -> Option<u32> {
    let bytes = bytes.get(at..at.checked_add(length)?)?;
    Some(bytes.iter().rev().fold(0, |number, byte| (number << 8) | u32::from(*byte)))
}
