"""Who asks for a reload, by signal, page or a change of the source, and what is answered."""

import http.server
import signal
import threading
import time

import yaml

from parts.process import ChildProcess, free_port, wait_until
from parts.prometheus import PROGRAM as PROMETHEUS
from parts.reload import assert_no_gap, configuration, job, post, series, write


def test_a_wrong_file_changes_nothing_and_every_fault_is_said(make_agent, receiver, text_exporter):
    exporter = text_exporter("a 1\n")
    good = configuration([job("good", exporter)], [write(receiver)])
    agent = make_agent(good, flags=["--web.enable-lifecycle"]).start()
    wait_until(lambda: series(receiver, "a"), 20, "samples")
    agent.configure("global: {scrape_intervall: 1s}\nscrape_configs:\n  - job_name: x\n    schema: ftp\n")
    status, said = post(agent, "/-/reload")
    assert status == 500 and "narthex.yml:1:" in said and "narthex.yml:4:" in said, said
    assert agent.metric("prometheus_config_last_reload_successful") == 0
    for place in ("narthex.yml:1:", "narthex.yml:4:"):
        assert agent.log_lines(f"level=ERROR.*{place}"), agent.log_text()
    seen = exporter.scrapes
    wait_until(lambda: exporter.scrapes >= seen + 2, 20, "two scrapes more")
    # SIGHUP does the same.
    agent.configure(good)
    agent.process.process.send_signal(signal.SIGHUP)
    wait_until(lambda: agent.metric("prometheus_config_last_reload_successful") == 1, 20, "success")
    assert agent.stop() == 0
    (samples,) = series(receiver, "a").values()
    assert_no_gap(samples)


def test_lifecycle_is_off_unless_asked_for(make_agent, receiver, text_exporter):
    agent = make_agent(configuration([job("j", text_exporter("a 1\n"))], [write(receiver)])).start()
    for path in ("/-/reload", "/-/quit"):
        status, said = post(agent, path)
        assert status == 403 and said.startswith("Lifecycle API is not enabled.")
    assert agent.is_ready() and agent.stop() == 0


def test_orders_are_answered_as_prometheus_answers_them(make_agent, receiver, text_exporter, tmp_path, parts):
    good = configuration([job("j", text_exporter("a 1\n"))], [write(receiver)])

    class Debian:
        """Debian's Prometheus 2.42 in agent mode."""

        def __init__(self, flags):
            self.port = free_port()
            self.file = tmp_path / f"debian-{self.port}.yml"
            self.configure(good)
            self.process = ChildProcess(
                "prometheus",
                [
                    PROMETHEUS,
                    "--enable-feature=agent",
                    f"--config.file={self.file}",
                    f"--storage.agent.path={tmp_path}/debian-{self.port}",
                    f"--web.listen-address=127.0.0.1:{self.port}",
                    *flags,
                ],
                tmp_path / f"debian-{self.port}.log",
            )
            parts.callback(lambda: self.process.process and self.process.kill())

        def configure(self, text):
            self.file.write_text(text if isinstance(text, str) else yaml.safe_dump(text))

        def start(self):
            self.process.start()
            wait_until(self.is_ready, 30, "ready Prometheus")
            return self

        def is_ready(self):
            try:
                return post(self, "/-/ready", "GET")[0] == 200
            except OSError:
                return False

    def answers(made):
        """What each step is answered, one after the other."""
        off, on = made("off", ()), made("on", ("--web.enable-lifecycle",))
        found = [
            (path, method, *post(off, path, method))
            for path in ("/-/reload", "/-/quit")
            for method in ("POST", "PUT", "GET")
        ]
        for method in ("POST", "PUT", "GET"):
            found.append(("reload", method, *post(on, "/-/reload", method)))
        on.configure("nonsense: 1\n")
        status, said = post(on, "/-/reload")
        found.append(("wrong", status, said.startswith("failed to reload config: "), said.endswith("\n")))
        on.configure(good)
        found.append(("right again", *post(on, "/-/reload")))
        found.append(("quit", "GET", *post(on, "/-/quit", "GET")))
        found.append(("quit", *post(on, "/-/quit")))
        assert on.process.wait(30) == 0
        off.process.stop(30)
        return found

    ours = answers(lambda name, flags: make_agent(good, name=name, flags=flags).start())
    theirs = answers(lambda _, flags: Debian(flags).start())
    # Ours says how to change that, behind Prometheus' sentence.
    disabled = "Lifecycle API is not enabled."
    for mine, other in zip(ours, theirs, strict=True):
        if other[-1] == disabled:
            assert mine[-1].startswith(disabled), (mine, other)
            mine = (*mine[:-1], disabled)
        assert mine == other


def test_a_changed_file_is_seen(make_agent, receiver, text_exporter):
    first, second = text_exporter("a 1\n"), text_exporter("b 1\n")
    agent = make_agent(
        configuration([job("first", first)], [write(receiver)]),
        flags=["--config.auto-reload", "--config.auto-reload-interval=1s"],
    ).start()
    wait_until(lambda: series(receiver, "a"), 20, "samples")
    agent.configure("nonsense")
    wait_until(lambda: agent.metric("prometheus_config_last_reload_successful") == 0, 20, "the fault")
    time.sleep(2.5)
    assert len(agent.log_lines("was not reloaded")) == 1
    agent.configure(configuration([job("first", first), job("second", second)], [write(receiver)]))
    wait_until(lambda: series(receiver, "b"), 20, "samples of the second job")
    assert agent.metric("prometheus_config_last_reload_successful") == 1
    assert agent.stop() == 0
    (samples,) = series(receiver, "a").values()
    assert_no_gap(samples)


def test_a_changed_file_of_jobs_is_seen(make_agent, receiver, text_exporter, tmp_path):
    first, second = text_exporter("a 1\n"), text_exporter("b 1\n")
    folder = tmp_path / "jobs"
    folder.mkdir()
    jobs = folder / "more.yml"
    jobs.write_text(yaml.safe_dump({"scrape_configs": [job("first", first)]}))
    agent = make_agent(
        configuration([], [write(receiver)]) | {"scrape_config_files": [f"{folder}/*.yml"]},
        flags=["--config.auto-reload", "--config.auto-reload-interval=1s"],
    ).start()
    wait_until(lambda: series(receiver, "a"), 20, "samples")
    time.sleep(2.5)
    # A look that finds what runs says nothing and reloads nothing.
    assert not agent.log_lines("the configuration was re")
    jobs.write_text(yaml.safe_dump({"scrape_configs": [job("first", first), job("second", second)]}))
    wait_until(lambda: series(receiver, "b"), 20, "samples of the second job")
    (folder / "third.yml").write_text(yaml.safe_dump({"scrape_configs": [job("third", second)]}))
    wait_until(lambda: series(receiver, "b", job="third"), 20, "samples of a file that came")
    assert agent.stop() == 0
    (samples,) = series(receiver, "a").values()
    assert_no_gap(samples)


class Source:
    """A web server that has a text by version."""

    def __init__(self, text):
        outer = self
        self.text, self.version, self.status = text, 1, 200
        self.seen = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                known = self.headers.get("If-None-Match")
                tag = f'"{outer.version}"'
                status = 304 if outer.status == 200 and known == tag else outer.status
                outer.seen.append((status, known))
                body = outer.text.encode() if status == 200 else b""
                self.send_response(status)
                self.send_header("ETag", tag)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/narthex.yml"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def put(self, text):
        self.text, self.version = text, self.version + 1

    def await_looks(self, count):
        """Returns the answers that begin from now on, at least so many."""
        before = len(self.seen)
        wait_until(lambda: len(self.seen) >= before + count, 30, "looks")
        return self.seen[before:]

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


def test_a_source_that_is_not_on_this_machine_is_watched(make_agent, receiver, text_exporter, parts):
    first, second = text_exporter("a 1\n"), text_exporter("b 1\n")
    texts = [
        yaml.safe_dump(configuration(jobs, [write(receiver)]))
        for jobs in ([job("first", first)], [job("first", first), job("second", second)])
    ]
    source = Source(texts[0])
    parts.callback(source.stop)
    agent = make_agent(
        "", flags=[f"--config.file={source.url}", "--config.auto-reload-interval=1s"]
    ).start()
    wait_until(lambda: series(receiver, "a"), 20, "samples")
    assert all(answer == (304, '"1"') for answer in source.await_looks(2))
    # Another version of the same text is read once.
    source.put(texts[0])
    looks = source.await_looks(4)
    assert looks.count((200, '"1"')) == 1 and looks[-1] == (304, '"2"')
    assert not agent.log_lines("the configuration was reloaded")
    # One that cannot be read is no failed reload.
    source.status = 503
    source.await_looks(3)
    assert len(agent.log_lines("level=WARN.*its source cannot be read")) == 1
    assert agent.metric("prometheus_config_last_reload_successful") == 1
    source.status = 200
    # A wrong text is, and said once.
    source.put("nonsense: 1\n")
    wait_until(lambda: agent.metric("prometheus_config_last_reload_successful") == 0, 20, "the fault")
    source.await_looks(3)
    assert len(agent.log_lines("was not reloaded")) == 1
    source.put(texts[1])
    wait_until(lambda: series(receiver, "b"), 20, "samples of the second job")
    assert agent.metric("prometheus_config_last_reload_successful") == 1
    (samples,) = series(receiver, "a").values()
    assert_no_gap(samples)
    assert agent.stop() == 0
    # The newest good text is what a start finds while the source is away.
    source.status = 503
    count = sum(map(len, series(receiver, "b").values()))
    agent.start()
    assert agent.log_lines("the last good one is used")
    wait_until(lambda: sum(map(len, series(receiver, "b").values())) > count, 20, "samples again")
    assert agent.stop() == 0
