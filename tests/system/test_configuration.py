#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Both programs' command lines and daybookd's configuration: what is wrong is said, all of it, with
the exit status of its kind; no service is needed."""
import os
import pathlib
import subprocess
import tempfile
import unittest

from support import services
from support.case import main
from support.harness import free_port

USAGE, UNAVAILABLE, CONFIGURATION = 2, 6, 78


class ProgramTest(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory(prefix="daybook-conf-")
        self.addCleanup(directory.cleanup)
        self.directory = pathlib.Path(directory.name)

    def run_program(self, program, *arguments, stdout=subprocess.PIPE, **settings):
        env = {k: v for k, v in os.environ.items() if not k.startswith("DAYBOOK_")}
        env.update({f"DAYBOOK_{key.upper()}": value for key, value in settings.items()})
        done = subprocess.run(
            [services.binary(program), *arguments],
            env=env, stdin=subprocess.DEVNULL, stdout=stdout, stderr=subprocess.PIPE,
            timeout=30, check=False,
        )
        return done.returncode, (done.stdout or b"").decode(), done.stderr.decode()

    def succeeds(self, program, *arguments, **settings):
        status, out, err = self.run_program(program, *arguments, **settings)
        self.assertEqual((status, err), (0, ""), arguments)
        return out

    def fails(self, expected, program, *arguments, **settings):
        status, out, err = self.run_program(program, *arguments, **settings)
        self.assertEqual((status, out), (expected, ""), (arguments, err))
        self.assertTrue(err.startswith(f"{program}: "), err)
        return err

    def write(self, name, text, mode=0o600):
        path = self.directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
        path.chmod(mode)
        return str(path)


class CommandLine(ProgramTest):
    def test_help(self):
        """--help, -h and help show the same on stdout with 0, of the program and of each verb"""
        for program, verb in (("daybookd", "serve"), ("daybook", "order place")):
            shown = self.succeeds(program, "--help")
            self.assertEqual(self.succeeds(program, "-h"), shown)
            self.assertEqual(self.succeeds(program, "help"), shown)
            self.assertIn(verb, shown)
            self.assertIn("78", shown.partition("Exit status:")[2])
            words = verb.split()
            of_verb = self.succeeds(program, *words, "--help")
            self.assertEqual(self.succeeds(program, *words, "-h"), of_verb)
            self.assertEqual(self.succeeds(program, "help", *words), of_verb)
            self.assertTrue(self.succeeds(program, "--version").startswith(f"{program} "))
            self.assertIn(words[0], self.succeeds(program, "completion", "bash"))

    def test_wrong_command_lines(self):
        """unknown verbs, options and values are 2; a typo is answered with the nearest word"""
        for program, arguments, said in (
            ("daybookd", ["sevre"], "'serve'"),
            ("daybookd", ["config", "chekc"], "'config check'"),
            ("daybookd", ["serve", "--rolse", "api"], "'roles'"),
            ("daybookd", ["serve", "--roles", "api,apii"], "api, publish, project"),
            ("daybookd", ["serve", "--roles", "api,api"], "api"),
            ("daybookd", ["serve", "--roles"], "roles"),
            ("daybookd", ["serve", "extra"], "extra"),
            ("daybookd", ["config"], "config check"),
            ("daybookd", [], "serve"),
            ("daybookd", ["help", "nonsense"], "nonsense"),
            ("daybookd", ["completion", "tcsh"], "bash or zsh"),
            ("daybook", [], "order"),
            ("daybook", ["-x"], "'x'"),
            ("daybook", ["odrer", "show", "x"], "'order'"),
            ("daybook", ["order", "plaice"], "'order place'"),
            ("daybook", ["order", "show"], "ID"),
            ("daybook", ["order", "show", "x", "--ouptut", "json"], "'output'"),
            ("daybook", ["order", "show", "x", "-o", "yaml"], "json"),
        ):
            self.assertIn(said, self.fails(USAGE, program, *arguments), arguments)

    def test_unavailable(self):
        """a service that is away is 6"""
        nobody = f"postgresql://127.0.0.1:{free_port()}/x"
        for verb in ("up", "status"):
            err = self.fails(UNAVAILABLE, "daybookd", "migrate", verb, postgres_url=nobody)
            self.assertIn("postgres.url", err)
        self.fails(UNAVAILABLE, "daybook", "status", url=f"http://127.0.0.1:{free_port()}")

    def test_output_that_can_not_be_written(self):
        """a full disk behind stdout is 1, not a success with half of the output"""
        for program, arguments in (
            ("daybookd", ["config", "print"]),
            ("daybookd", ["--version"]),
            ("daybook", ["--help"]),
        ):
            with open("/dev/full", "wb") as full:
                status, _, _ = self.run_program(program, *arguments, stdout=full)
            self.assertEqual(status, 1, arguments)


class Installed(ProgramTest):
    def setUp(self):
        super().setUp()
        variant = pathlib.Path(services.binary("daybookd")).parent.name.removesuffix("-clang")
        subprocess.run(
            ["make", "-s", "-C", str(services.ROOT), "install", f"VARIANT={variant}",
             f"DESTDIR={self.directory}", "PREFIX=/usr"],
            check=True, timeout=300,
        )
        self.share = self.directory / "usr" / "share"

    def test_man_pages(self):
        """make install brings a man page of each program, with every verb that its help has"""
        for program in ("daybookd", "daybook"):
            page = (self.share / "man" / "man1" / f"{program}.1").read_text("utf-8")
            self.assertTrue(page.startswith(f".TH {program} 1\n"), page[:80])
            verbs = self.succeeds(program, "help").partition("\nVerbs:\n")[2].partition("\n\n")[0]
            for line in verbs.splitlines():
                if line[2] != " ":
                    name = " ".join(word for word in line.split("  ")[1].split() if word.islower())
                    self.assertIn(f".SS {name}".replace("-", "\\-"), page)

    def test_completions(self):
        """and the completion that bash loads by the program's name"""
        for program, words, wanted in (
            ("daybook", "stream t", "tail"), ("daybookd", "migrate u", "up"),
        ):
            script = self.share / "bash-completion" / "completions" / program
            line = [program, *words.split()]
            shown = subprocess.run(
                ["bash", "-c", f'. "$1"; COMP_WORDS=({" ".join(line)}); COMP_CWORD={len(line) - 1}; '
                 f'_{program}; printf "%s\n" "${{COMPREPLY[@]}}"', "bash", str(script)],
                check=True, timeout=30, stdout=subprocess.PIPE,
            )
            self.assertEqual(shown.stdout.decode().split(), [wanted])


class Configuration(ProgramTest):
    def test_right(self):
        """config check says ok; file < directory < environment < flag, and print names each source"""
        path = self.write("d.conf", "[http]\nthreads = 3\nquery_threads = 3\nidle_timeout = 90s\n")
        self.write("d.conf.d/10-more.conf", "[http]\nquery_threads = 5\nidle_timeout = 2m\n")
        arguments = ["--config", path, "--http.header_timeout", "3s"]
        self.assertEqual(self.succeeds("daybookd", "config", "check", *arguments), "ok\n")
        shown = self.succeeds(
            "daybookd", "config", "print", *arguments,
            http_idle_timeout="70s", postgres_url="postgresql://u:geheim@h/db",
        )
        for line in (
            f'threads = "3" # {path}:2',
            f'query_threads = "5" # {path}.d/10-more.conf:2',
            'idle_timeout = "70s" # environment DAYBOOK_HTTP_IDLE_TIMEOUT',
            'header_timeout = "3s" # flag http.header_timeout',
            'body_bytes_max = "256KiB" # default',
            'url = "********" # environment DAYBOOK_POSTGRES_URL',
        ):
            self.assertIn(line + "\n", shown)
        self.assertNotIn("geheim", shown)

    def test_wrong(self):
        """every fault at once with file, line and the nearest key, as 78, whatever the verb"""
        path = self.write(
            "bad.conf",
            "[http]\nlisten = 0.0.0.0:80\nthread = 3\nidle_timeout = 60\n"
            "[kafka]\nenable.idempotence = false\n[postgres]\nurl = postgresql://u:geheim@h/db\n"
            "[kafka.producer]\nbatch.num.mesages = 7\nlinger.ms = often\n"
            "[projection]\nretry_first = 2m\nretry_max = 1m\nnames = orders,stokc\n",
            0o644,
        )
        for verb in (["config", "check"], ["config", "print"], ["serve"], ["migrate", "up"]):
            err = self.fails(CONFIGURATION, "daybookd", *verb, "--config", path)
            for said in (
                f"{path}:3: unknown key 'http.thread'; did you mean 'http.threads'?",
                f"{path}:4: 'http.idle_timeout' must be a duration with its unit",
                f"{path}:6: 'kafka.enable.idempotence'",
                f"{path}:8: 'postgres.url' is a secret and everyone can read this file",
                f"{path}:2: 'http.listen' is reached by others than this machine",
                f"{path}:10: 'kafka.producer.batch.num.mesages': librdkafka knows no such property; "
                "did you mean 'batch.num.messages'?",
                f"{path}:11: 'kafka.producer.linger.ms': ",
                f"{path}:13: 'projection.retry_first' must not be above projection.retry_max",
                f"{path}:15: 'projection.names' names something that is no projection",
            ):
                self.assertIn(said, err)
            self.assertEqual(len(err.splitlines()), 10, err)  # one line each behind the first
            self.assertNotIn("geheim", err)

    def test_what_was_not_taken_is_not_compared(self):
        """a value that is wrong by itself is told once: its default is not held against others"""
        path = self.write("d.conf", "[projection]\nretry_first = 10m\nretry_max = 20\n")
        err = self.fails(CONFIGURATION, "daybookd", "config", "check", "--config", path)
        self.assertEqual(len(err.splitlines()), 2, err)
        self.assertIn(f"{path}:3: 'projection.retry_max' must be a duration", err)

    def test_retry_policies(self):
        """a policy of one projection is checked before anything starts"""
        for good in ("", "orders=5/2s/1m/1h", " orders=1/1s/1s/1s , stock=9/1ms/1d/365d "):
            self.succeeds("daybookd", "config", "check", projection_retry_policies=good)
        for bad in ("orders", "orders=5", "nobody=5/2s/1m/1h", "orders=0/1s/1s/1s", "orders=1/2s/1s/1s", ","):
            err = self.fails(
                CONFIGURATION, "daybookd", "config", "check", projection_retry_policies=bad
            )
            self.assertIn("projection.retry_policies", err)

    def test_wrong_elsewhere(self):
        """a wrong flag, variable or file is 78 too, and a secret on the command line is refused"""
        for arguments, settings, said in (
            (["--config", "/nowhere"], {}, "/nowhere: does not exist"),
            (["--http.thread", "3"], {}, "did you mean 'http.threads'?"),
            (["--http.threads", "x"], {}, "from 1 to 64, not 'x'"),
            (["--postgres.url", "postgresql://u:geheim@h/db"], {}, "'postgres.url_file'"),
            ([], {"http_thread": "3"}, "did you mean DAYBOOK_HTTP_THREADS?"),
            ([], {"postgres_url_file": "/nowhere"}, "'/nowhere' does not exist"),
            ([], {"projection_names": "orders,stokc"}, "orders, stock, customers"),
            ([], {"eventlog_categories_max": "2400"}, "than the publisher's cursor can hold"),
            ([], {"publisher_partitions": "400"}, "than the publisher's cursor can hold"),
            ([], {"http_listen": "0.0.0.0:80"}, "DAYBOOK_HTTP_ALLOW_UNAUTHENTICATED=true"),
        ):
            err = self.fails(CONFIGURATION, "daybookd", "config", "check", *arguments, **settings)
            self.assertIn(said, err)
            self.assertNotIn("geheim", err)

    def test_docs(self):
        """docs/configuration.md has every key with type, range and default, and no other"""
        explained = self.succeeds("daybookd", "config", "explain")
        tool = services.ROOT / "tools" / "settings-doc"
        page = services.ROOT / "docs" / "configuration.md"
        done = subprocess.run(
            [tool, page, "--check"], input=explained.encode(), capture_output=True, check=False
        )
        self.assertEqual(done.returncode, 0, done.stderr.decode())


if __name__ == "__main__":
    main()
