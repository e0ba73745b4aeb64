//! Logs written, read from anywhere, torn and turned over.

use super::reading::read;
use super::*;

const TASK: Id<Kind> = Id::new(7);

struct Bench {
    company: tempfile::TempDir,
    sizes: Sizes,
}

impl Bench {
    fn new(head: u64, part: u64) -> Bench {
        Bench { company: tempfile::tempdir().unwrap(), sizes: Sizes { head, part } }
    }
    fn folder(&self) -> PathBuf {
        self.company.path().join(parts::FOLDER)
    }
    fn log(&self) -> Log {
        Log::open_with(self.company.path(), TASK, self.sizes).unwrap()
    }
    fn read(&self, from: From, most: usize) -> Lines {
        read(&self.folder(), TASK, from, Most::lines(most)).unwrap()
    }
    /// All lines, a few at a time.
    fn whole(&self, from: From, at_a_time: usize) -> Vec<Line> {
        let (mut all, mut from) = (Vec::new(), from);
        loop {
            let read = self.read(from, at_a_time);
            assert!(read.lines.len() <= at_a_time);
            all.extend(read.lines);
            if !read.more {
                return all;
            }
            from = From::Place(read.next);
        }
    }
    fn bytes(&self) -> u64 {
        std::fs::read_dir(self.folder()).unwrap().map(|entry| entry.unwrap().metadata().unwrap().len()).sum()
    }
}

fn texts(lines: &Lines) -> Vec<&str> {
    lines.lines.iter().map(|line| line.text.as_str()).collect()
}

fn small() -> Bench {
    Bench::new(4000, 1000)
}

#[test]
fn lines_are_read_from_anywhere() {
    let bench = small();
    assert!(read(&bench.folder(), TASK, From::Start, Most::lines(10)).unwrap().lines.is_empty());
    let mut log = bench.log();
    for n in 1..=5 {
        log.write("1", Category::Info, format!("line {n}")).unwrap();
    }
    log.finish().unwrap();
    let first = bench.read(From::Start, 2);
    assert_eq!((texts(&first), first.more), (vec!["line 1", "line 2"], true));
    let rest = bench.read(From::Place(first.next), 10);
    assert_eq!((texts(&rest), rest.more), (vec!["line 3", "line 4", "line 5"], false));
    assert_eq!(texts(&bench.read(From::After(3), 10)), ["line 4", "line 5"]);
    assert_eq!(texts(&bench.read(From::Tail(2), 10)), ["line 4", "line 5"]);
    assert_eq!(bench.read(From::Tail(20), 20).lines.len(), 5);
    assert!(bench.read(From::Tail(0), 10).lines.is_empty());
    log.write("1", Category::Error, "line 6").unwrap();
    assert_eq!(texts(&bench.read(From::Place(rest.next), 10)), ["line 6"]);
}

#[test]
fn a_half_line_is_passed_over_and_closed() {
    let bench = small();
    bench.log().write("", Category::Info, "whole").unwrap();
    let file = parts::path(&bench.folder(), TASK, 0);
    OpenOptions::new().append(true).open(&file).unwrap().write_all(b"{\"n\":2,\"te").unwrap();
    assert_eq!(texts(&bench.read(From::Start, 10)), ["whole"]);
    bench.log().write("", Category::Fatal, "after").unwrap();
    let lines = bench.read(From::Start, 10);
    assert_eq!(texts(&lines), ["whole", "after"]);
    assert_eq!(lines.lines[1].n, 2);
}

/// Findings G12: beginning and end are kept, and between them stands how much is missing. Also when the writer is opened
/// anew in the middle, as after a crash, with a half line or a part that was just begun.
#[test]
fn of_a_log_that_never_ends_beginning_and_end_are_kept() {
    let bench = small();
    let mut log = bench.log();
    for n in 1..=1000 {
        if n % 97 == 0 {
            let newest = parts::all(&bench.folder(), TASK).unwrap().pop().unwrap().slot;
            let mut torn = OpenOptions::new().append(true).open(parts::path(&bench.folder(), TASK, newest)).unwrap();
            torn.write_all(b"{\"n\":").unwrap();
            log = bench.log();
        }
        log.write("1", Category::Info, format!("line {n}")).unwrap();
        assert!(bench.bytes() <= 4000 + 4 * 1000 + 200, "{}", bench.bytes());
    }
    log.write("", Category::Fatal, "the reason").unwrap();
    let all = bench.whole(From::Start, 7);
    assert_eq!(all[0].text, "line 1");
    assert_eq!(all.last().unwrap().text, "the reason");
    assert!(all.windows(2).all(|pair| pair[0].n < pair[1].n), "numbers rise");
    assert!(
        all.iter().filter(|line| line.text.starts_with("line")).all(|line| line.text == format!("line {}", line.n))
    );
    let gaps: Vec<&Line> = all.iter().filter(|line| line.category == Category::Gap).collect();
    let [gap] = gaps.as_slice() else { panic!("{gaps:?}") };
    let missing = 1001 - (all.len() as i64 - 1);
    assert!(missing > 800, "{missing}");
    let size = gap.text.split(['(', ')']).nth(1).unwrap();
    assert!(gap.text.starts_with(&format!("… {missing} lines (")) && size.ends_with("KiB"), "{}", gap.text);
    // By every way the same lines, in the same order.
    for at_a_time in [1, 2, 50, 10_000] {
        assert!(bench.whole(From::Start, at_a_time) == all, "{at_a_time} at a time");
    }
    for after in [0, 1, 30, gap.n - 1, gap.n, gap.n + 1, 990, 1001, 5000] {
        let rest: Vec<i64> = bench.whole(From::After(after), 5).iter().map(|line| line.n).collect();
        let expected: Vec<i64> = all.iter().map(|line| line.n).filter(|n| *n > after).collect();
        assert_eq!(rest, expected, "after {after}");
    }
    for count in [1, 2, 17, 40] {
        let tail = bench.read(From::Tail(count), count);
        // A half line that was closed counts as one.
        assert!(all.ends_with(&tail.lines) && tail.lines.len() + 2 >= count, "the last {count}");
    }
    assert!(bench.read(From::Tail(10_000), 10_000).lines == all);
    forget(bench.company.path(), &[TASK]);
    assert!(std::fs::read_dir(bench.folder()).unwrap().next().is_none(), "nothing of it is left");
}

/// Findings G12: whoever reads along while the parts turn over under them.
#[test]
fn a_reader_who_falls_behind_is_told_what_is_missing() {
    let bench = small();
    let mut log = bench.log();
    let (mut seen, mut from) = (Vec::new(), From::Start);
    for n in 1..=2000 {
        log.write("1", Category::Info, format!("line {n}")).unwrap();
        if n % 150 == 0 || n == 2000 {
            let read = bench.read(from, 100_000);
            assert!(!read.more);
            seen.extend(read.lines);
            from = From::Place(read.next);
        }
    }
    let mut last = 0;
    let (mut missing, mut gaps) = (0, 0);
    for line in &seen {
        assert!(line.n > last);
        match line.category {
            Category::Gap => {
                gaps += 1;
                missing += line.n - last;
                assert!(line.text.contains(&format!(" {} lines", line.n - last)), "{} after {last}", line.text);
            }
            _ => assert_eq!(line.n, last + 1),
        }
        last = line.n;
    }
    assert_eq!(last, 2000);
    assert!(gaps > 5 && missing > 500, "{gaps} {missing}");
}

#[test]
fn who_comes_back_finds_the_place_in_a_long_log() {
    let bench = Bench::new(48 << 20, 4 << 20);
    let mut log = bench.log();
    for n in 1..=20_000 {
        let long = if n % 1000 == 0 { "x".repeat(60_000) } else { String::new() };
        log.write("1", Category::Info, format!("{n} {long}")).unwrap();
    }
    for after in [0, 1, 999, 1000, 1001, 7777, 19_999, 20_000] {
        let read = bench.read(From::After(after), 3);
        let expected: Vec<i64> = (after + 1..=20_000).take(3).collect();
        assert_eq!(read.lines.iter().map(|line| line.n).collect::<Vec<_>>(), expected, "after {after}");
    }
}

/// Findings F8, G13: readers get so many bytes and no more, and are told what was cut.
#[test]
fn long_lines_are_cut_where_short_ones_are_asked_for() {
    let bench = Bench::new(48 << 20, 4 << 20);
    let mut log = bench.log();
    log.write("1", Category::Info, "short").unwrap();
    log.write("1", Category::Info, "ü".repeat(3000)).unwrap();
    for piece in 0..50 {
        let text = Text { text: "x".repeat(60_000), goes_on: piece < 49 };
        log.write("1", Category::Info, text).unwrap();
        log.write("1", Category::Error, format!("between {piece}")).unwrap();
    }
    log.write("1", Category::Info, "end").unwrap();
    let most = Most { lines: 1000, bytes: 1 << 20, each: 1001 };
    let lines = read(&bench.folder(), TASK, From::Start, most).unwrap();
    let said: Vec<&Line> = lines.lines.iter().filter(|line| line.category == Category::Info).collect();
    assert_eq!(said.len(), 5);
    assert_eq!((said[0].text.as_str(), said[0].cut), ("short", false));
    assert_eq!(said[1].text, format!("{} … (cut: this line has 5.9 KiB in all)", "ü".repeat(500)));
    assert_eq!(said[2].text, format!("{} … (cut: this line goes on)", "x".repeat(1001)));
    assert_eq!(said[3].text, "… (cut: the line above has 2.9 MiB in all)");
    assert!(said[1..4].iter().all(|line| line.cut) && said[4].text == "end");
    assert_eq!(lines.lines.len(), 55, "what came between is whole");
    // By bytes: as many as fit, from the beginning and from the end.
    let most = Most { lines: 1000, bytes: 200_000, each: usize::MAX };
    let first = read(&bench.folder(), TASK, From::Start, most).unwrap();
    assert!(first.more && first.lines.iter().map(|line| line.text.len()).sum::<usize>() <= 200_000);
    let last = read(&bench.folder(), TASK, From::Tail(1000), most).unwrap();
    let sum = last.lines.iter().map(|line| line.text.len()).sum::<usize>();
    assert!((150_000..=200_000).contains(&sum) && last.lines.last().unwrap().text == "end", "{sum}");
    let most = Most { lines: 1000, bytes: 10, each: usize::MAX };
    assert_eq!(read(&bench.folder(), TASK, From::Start, most).unwrap().lines.len(), 1, "always one");
    // A text of whatever length is a line of bounded length.
    log.write("", Category::Error, "y".repeat(3_000_000)).unwrap();
    let last = bench.read(From::Tail(1), 1).lines.remove(0).text;
    assert!(last.len() < LONGEST_TEXT + 100 && last.ends_with("… (cut: 2.9 MiB in all)"), "{}", last.len());
}

/// A neighbour of G12: the disk is full for a while.
#[test]
fn what_could_not_be_written_is_told_when_there_is_room_again() {
    let bench = small();
    let mut log = bench.log();
    log.write("1", Category::Info, "before").unwrap();
    let full = OpenOptions::new().append(true).open("/dev/full").unwrap();
    let file = std::mem::replace(&mut log.file, full);
    for n in 1..=3 {
        assert!(log.write("1", Category::Info, format!("lost {n}")).is_err());
    }
    log.file = file;
    log.write("1", Category::Info, "after").unwrap();
    log.write("", Category::Fatal, "the reason").unwrap();
    let lines = bench.read(From::Start, 10);
    assert_eq!(texts(&lines), ["before", "3 lines could not be written into the log here.", "after", "the reason"]);
}

/// The folder is exchanged for another company's while a log is written: nothing is written into that one.
#[test]
fn an_exchanged_folder_gets_no_new_part() {
    let bench = small();
    let mut log = bench.log();
    log.write("1", Category::Info, "ours").unwrap();
    std::fs::rename(bench.folder(), bench.company.path().join("old")).unwrap();
    std::fs::create_dir(bench.folder()).unwrap();
    std::fs::write(parts::path(&bench.folder(), TASK, 0), "theirs\n").unwrap();
    while log.write("1", Category::Info, "more of ours").is_ok() {}
    let there: Vec<_> = std::fs::read_dir(bench.folder()).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(there, [parts::path(&bench.folder(), TASK, 0)]);
    assert_eq!(std::fs::read_to_string(&there[0]).unwrap(), "theirs\n");
}
