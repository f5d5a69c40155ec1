//! Packs intervals of storage: what is not alive at the same time may share a place.

use std::collections::BTreeMap;

/// A piece of storage to be placed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Piece {
    /// Its size.
    pub size: usize,
    /// The first step at which it is alive.
    pub from: usize,
    /// The last step at which it is alive.
    pub to: usize,
}

/// The offset of each piece, and the total size. Pieces are placed by the step that makes them, each in the smallest
/// gap that has room.
pub fn pack(pieces: &[Piece]) -> (Vec<usize>, usize) {
    let mut by_start: Vec<usize> = (0..pieces.len()).collect();
    by_start.sort_by_key(|&i| (pieces[i].from, std::cmp::Reverse(pieces[i].size), i));
    let mut offsets = vec![0; pieces.len()];
    let mut gaps = Gaps::default();
    // Pieces in place, by the last step at which they are alive.
    let mut placed: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for i in by_start {
        let piece = pieces[i];
        let alive = placed.split_off(&piece.from);
        for done in std::mem::replace(&mut placed, alive).into_values().flatten() {
            gaps.give_back(offsets[done], pieces[done].size);
        }
        offsets[i] = gaps.take(piece.size);
        placed.entry(piece.to).or_default().push(i);
    }
    (offsets, gaps.total)
}

/// Free stretches below `total`, by offset.
#[derive(Default)]
struct Gaps {
    free: BTreeMap<usize, usize>,
    total: usize,
}

impl Gaps {
    fn take(&mut self, size: usize) -> usize {
        let fitting = self.free.iter().filter(|(_, gap)| **gap >= size);
        if let Some((&offset, &gap)) = fitting.min_by_key(|(_, gap)| **gap) {
            self.free.remove(&offset);
            if gap > size {
                self.free.insert(offset + size, gap - size);
            }
            return offset;
        }
        // A gap at the end grows.
        let end = self.free.last_key_value().filter(|(offset, gap)| **offset + **gap == self.total);
        let offset = end.map_or(self.total, |(&offset, _)| offset);
        self.free.remove(&offset);
        self.total = offset + size;
        offset
    }

    fn give_back(&mut self, mut offset: usize, mut size: usize) {
        if size == 0 {
            return;
        }
        if let Some(next) = self.free.remove(&(offset + size)) {
            size += next;
        }
        if let Some((&before, &gap)) = self.free.range(..offset).next_back()
            && before + gap == offset
        {
            offset = before;
            size += gap;
        }
        self.free.insert(offset, size);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn piece(size: usize, from: usize, to: usize) -> Piece {
        Piece { size, from, to }
    }

    #[test]
    fn what_is_dead_makes_room() {
        let pieces = [piece(8, 0, 1), piece(4, 1, 2), piece(8, 2, 3)];
        assert_eq!(pack(&pieces), (vec![0, 8, 0], 12));
    }

    #[test]
    fn the_living_never_overlap() {
        let random = |i: usize, bound: usize| (i.wrapping_mul(2654435761) >> 7) % bound;
        let pieces: Vec<Piece> = (0..300)
            .map(|i| {
                let from = random(i, 50);
                piece(1 + random(i + 1000, 64), from, from + random(i + 2000, 10))
            })
            .collect();
        let (offsets, total) = pack(&pieces);
        for (i, a) in pieces.iter().enumerate() {
            assert!(offsets[i] + a.size <= total);
            for (j, b) in pieces.iter().enumerate().take(i) {
                let alive_together = a.from <= b.to && b.from <= a.to;
                let apart = offsets[i] + a.size <= offsets[j] || offsets[j] + b.size <= offsets[i];
                assert!(!alive_together || apart, "{i} and {j}");
            }
        }
    }
}
