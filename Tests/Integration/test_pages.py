"""What stands in the pages to be run or pasted, piece by piece: commands of AWS and of narthex, blocks of
code, names of files. The quick starts as a whole have tests of their own.
"""

import json
import re
import subprocess

import pytest
from parts.agent import IS_NARTHEX, ROOT, clean_environment, program
from parts.aws_command_line import AwsCommandLine, CommandLineError
from parts.pages import Page, pages

pytestmark = pytest.mark.skipif(not IS_NARTHEX, reason="the pages are Narthex'")

# What a newcomer reads first.
FIRST_PAGES = [
    Page(ROOT / name)
    for name in ("README.md", "CONTRIBUTING.md", *(
        f"docs/quickstart-{place}.md" for place in ("fargate", "ecs-anywhere", "linux")
    ))
]  # fmt: skip


def test_every_command_of_aws_in_the_pages_is_one():
    aws, seen = AwsCommandLine(), 0
    for page in map(Page, pages()):
        for words in page.commands("aws"):
            # `aws amp` alone, in a sentence.
            if len(words) < 3 or words[2].startswith("-"):
                continue
            seen += 1
            try:
                aws.check(words)
            except CommandLineError as error:
                # A sentence may name an operation without what it needs.
                assert "is missing" in str(error) and len(words) == 3, f"{page.path.name}: {error}"
    assert seen > 60


@pytest.mark.parametrize("words", [
    "aws amp create-workspaces", "aws apm create-workspace", "aws amp create-workspace --aliass a",
    "aws amp wait workspace-there --workspace-id ws-1", "aws amp wait workspace-active",
    "aws cloudformation deploy --template t", "aws ecs run-task --cluster c",
    "aws ec2 describe-vpcs --filters Nam=is-default,Values=true", "aws ecs create-cluster --query Cluster",
])  # fmt: skip
def test_a_command_that_is_none_is_found(words):
    with pytest.raises(CommandLineError):
        AwsCommandLine().run(words.split(), ROOT)


def flags_of(command):
    shown = subprocess.run(
        [program("narthex"), command, "--help"], capture_output=True, text=True, timeout=30, check=True
    ).stdout
    return set(re.findall(r"(?<!\S)(--[a-z][a-z.-]+)", shown))


def test_every_command_of_narthex_in_the_pages_is_one():
    """Of the quick starts and of the README; the other pages have tests of their own."""
    known, seen = {}, 0
    for page in FIRST_PAGES:
        for words in page.commands("narthex"):
            if not re.fullmatch("[a-z-]+", words[1]) or words[1] in ("does", "narthex"):
                continue
            if words[1] not in known:
                known[words[1]] = flags_of(words[1])
            flags = {word.partition("=")[0] for word in words[2:] if word.startswith("--")}
            assert flags <= known[words[1]], f"{page.path.name}: {words}"
            seen += 1
    assert seen >= 6 and {"check-config", "doctor", "run"} <= known.keys()


def test_every_block_is_what_it_says(tmp_path):
    """YAML and JSON are that, a configuration is one that would be run, and a shell reads the rest."""
    for page in FIRST_PAGES:
        for text in page.blocks("json"):
            json.loads(text)
        for text in page.blocks("sh"):
            read = subprocess.run(["/bin/bash", "-n", "-c", text], capture_output=True, text=True)
            assert (read.returncode, read.stderr) == (0, ""), text
        for text in page.blocks("yaml"):
            path = tmp_path / "narthex.yml"
            path.write_text(text)
            ended = subprocess.run(
                [program("narthex"), "check-config", path], env=clean_environment(),
                capture_output=True, text=True, timeout=60,
            )  # fmt: skip
            assert ended.returncode == 0, ended.stdout


def test_every_file_that_is_named_is_there():
    for page in FIRST_PAGES:
        for name in re.findall(r"(?<![\w./(-])((?:config|script|docs)/[\w./-]*\w)", page.text):
            # Links have a test of their own. Of "config/iam/$POLICY.json" the folder is looked for.
            assert (ROOT / name).exists(), f"{page.path.name}: {name}"


# What the quick starts say one sees when it does not work, and how it stands in the code.
SAID = {
    "remote write is not authorised; samples are held": None,
    "scrape failed": None,
    "timed out": None,
    "the storage directory cannot be used": None,
    "no source has AWS credentials": None,
    "none is found": None,
    "let the user that runs the agent write there": None,
    "allow aps:RemoteWrite on the workspace": r"allow \(Self.action) on the workspace",
    "narthex does not start yet: put the remote_write URL": None,
}


def test_what_one_sees_when_it_does_not_work_is_what_the_program_says():
    sections = "".join(page.text.partition("## When it does not work")[2] for page in FIRST_PAGES)
    sources = "".join(path.read_text() for path in sorted((ROOT / "Sources").rglob("*.swift")))
    sources += (ROOT / "config/systemd/when-configured").read_text()
    for sentence, in_the_code in SAID.items():
        assert sentence in sections and (in_the_code or sentence) in sources, sentence
    checks = set(re.findall(r"`wrong ([a-z]+)", sections))
    doctor = Page(ROOT / "docs/doctor.md").text
    assert checks and checks <= set(re.findall(r"^\| `([a-z]+)`", doctor, re.MULTILINE))
