"""The corpus of configuration files by the checker of Debian's Prometheus: the same verdict as ours, or a
difference that docs/configuration.md names."""

import re
import subprocess

from parts.agent import ROOT

CORPUS = ROOT / "Tests/Integration/corpus"
PROMTOOL = ROOT / ".tools/debian/prometheus/usr/bin/promtool"
DESTINATION = "\nremote_write: [{url: 'http://127.0.0.1:9/write'}]\n"


def cases(kind):
    """(name, {comment: [values]}, text) of each case of the files of a kind, `bad` or `good`."""
    for path in sorted(CORPUS.glob(f"{kind}-*.txt")):
        for part in re.split(r"^#=== ", path.read_text(), flags=re.MULTILINE)[1:]:
            name, _, rest = part.partition("\n")
            heads = {}
            while match := re.match(r"# (fault|schema|differs|ignored|warns): (.*)\n", rest):
                heads.setdefault(match[1], []).append(match[2])
                rest = rest[match.end() :]
            yield name, heads, rest


def with_destination(text):
    """Agent mode wants one; it stands at the end, so that no line moves."""
    if re.search(r"^remote_write:", text, re.MULTILINE):
        return text
    if text.startswith("{"):
        return text.rstrip().removesuffix("}") + ", " + DESTINATION.strip() + "}"
    return text.rstrip("\n") + DESTINATION


def test_promtool_comes_to_the_same_verdict(tmp_path):
    wanted = {}
    for kind in ("bad", "good"):
        for name, heads, text in cases(kind):
            if "schema" in heads:
                continue
            path = tmp_path / f"{len(wanted)}.yml"
            path.write_text(with_destination(text))
            wanted[path] = (name, (kind == "good") != ("differs" in heads))
    assert len(wanted) > 150
    done = subprocess.run(
        [PROMTOOL, "check", "config", "--agent", *wanted],
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    accepted = set(re.findall(r"SUCCESS: (\S+) is valid", done.stdout + done.stderr))
    wrong = [name for path, (name, good) in wanted.items() if (str(path) in accepted) != good]
    assert not wrong, f"promtool takes another view of {wrong}"


def test_every_difference_has_its_reason_in_the_docs():
    page = (ROOT / "docs/configuration.md").read_text()
    section = page.split("## Where verdicts differ", 1)[1].split("\n## ", 1)[0]
    named = set(re.findall(r"^\| `([a-z0-9-]+)` \|", section, re.MULTILINE))
    all_heads = [heads for kind in ("bad", "good") for _, heads, _ in cases(kind)]
    used = {why for heads in all_heads for why in heads.get("differs", [])}
    assert used == named
