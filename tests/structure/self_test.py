"""Shows that each structure check can fail: feeds it something bad and expects the finding, and something good and expects none.

Usage: self_test.py SOURCE_ROOT CXX_COMPILER
"""

import pathlib
import subprocess
import sys
import tempfile
import unittest

import documented_commands
import findings
import layers
import portable_archives
import pure_archives
import tidy
import worked_example

ROOT, COMPILER = pathlib.Path("."), "c++"


class Folder(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.folder = pathlib.Path(temporary.name)

    def write(self, name, text):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path


class Layers(Folder):
    def setUp(self):
        super().setUp()
        self.declared = layers.read_declarations("core:\nroute: core\nnet: core\ngateway: core route\nload: core\ncli: gateway load\n")
        self.write("evener/core/ids.h", "#pragma once\n#include <string>\n")

    def test_the_sketch_of_the_real_modules_has_no_finding(self):
        self.write("evener/route/policy.h", '#include "evener/core/ids.h"\n#include "evener/route/view.h"\n')
        self.assertEqual(layers.check_declarations(self.declared), [])
        self.assertEqual(layers.check_includes(self.folder, self.declared), [])

    def test_an_include_of_an_undeclared_module_is_found(self):
        self.write("evener/route/policy.h", '#include "evener/core/ids.h"\n\n#include "evener/net/loop.h"\n')
        found = layers.check_includes(self.folder, self.declared)
        self.assertEqual(len(found), 1)
        self.assertIn("evener/route/policy.h:3: route does not declare that it depends on net", found[0])

    def test_an_include_that_does_not_start_at_the_root_is_found(self):
        self.write("evener/route/policy.h", '#include "view.h"\n')
        self.assertIn("must be written from the root", layers.check_includes(self.folder, self.declared)[0])

    def test_what_is_for_tests_is_found_in_code_that_ships(self):
        self.write("evener/route/policy_test.cc", '#include "tests/for_each_seed.h"\n#include "evener/route/testing/pool.h"\n')
        self.write("evener/route/testing/pool.h", '#include "tests/for_each_seed.h"\n')
        self.assertEqual(layers.check_includes(self.folder, self.declared), [])
        self.write("evener/route/policy.cc", '#include "tests/for_each_seed.h"\n#include "evener/route/testing/pool.h"\n')
        self.assertEqual(len(layers.check_includes(self.folder, self.declared)), 2)

    def test_a_folder_that_is_no_module_is_found(self):
        self.write("evener/stray/thing.h", "\n")
        self.assertIn("not declared", layers.check_includes(self.folder, self.declared)[0])

    def test_a_source_tree_without_sources_is_found(self):
        self.assertEqual(len(layers.check_includes(self.folder / "nowhere", self.declared)), 1)

    def test_a_program_that_depends_on_another_is_found(self):
        self.declared["load"].add("gateway")
        self.assertIn("gateway is a program", layers.check_declarations(self.declared)[0])

    def test_a_pure_module_that_depends_on_an_acting_one_is_found(self):
        self.declared["route"].add("net")
        self.assertIn("route is pure", layers.check_declarations(self.declared)[0])

    def test_a_circle_is_found(self):
        self.declared["core"].add("route")
        self.assertTrue(any("circle: core -> route -> core" in f for f in layers.check_declarations(self.declared)))


class PureArchives(Folder):
    def archive(self, code):
        source, made, archive = self.write("unit.cc", code), self.folder / "unit.o", self.folder / "libunit.a"
        subprocess.run([COMPILER, "-std=c++20", "-O0", "-c", str(source), "-o", str(made)], check=True)
        subprocess.run(["ar", "rcs", str(archive), str(made)], check=True)
        self.listing = pure_archives.undefined_symbols(str(archive))
        return pure_archives.check(archive.name, self.listing)

    def test_values_in_values_out_has_no_finding(self):
        self.assertEqual(self.archive("#include <string>\nstd::string twice(std::string s) { return s + s; }\n"), [])

    def test_each_kind_of_impurity_is_found(self):
        impure = {
            "clock": "#include <chrono>\nauto f() { return std::chrono::steady_clock::now(); }",
            "chance": "#include <random>\nauto f() { return std::random_device{}(); }",
            "thread": "#include <thread>\nvoid f() { std::thread([] {}).detach(); }",
            "socket": "#include <sys/socket.h>\nint f() { return socket(AF_INET, SOCK_STREAM, 0); }",
            "file": "#include <fstream>\nvoid f() { std::ofstream out(\"x\"); }",
            "environment": "#include <cstdlib>\nchar* f() { return std::getenv(\"HOME\"); }",
        }
        for kind, code in impure.items():
            with self.subTest(kind):
                self.assertTrue(any(f": {kind}: " in finding for finding in self.archive(code + "\n")))

    def test_an_empty_listing_is_no_proof(self):
        self.assertEqual(len(pure_archives.check("libempty.a", "")), 1)
        self.assertEqual(len(portable_archives.check("libempty.a", "")), 1)

    def test_rounding_that_is_left_to_the_library_is_found(self):
        self.archive("#include <cmath>\nbool f(double a) { return std::sqrt(a) > std::floor(a); }\nint g(); int h() { return g(); }\n")
        self.assertEqual(portable_archives.check("libunit.a", self.listing), [])
        for call in ("std::exp(a)", "std::pow(a, 3.5)", "std::cos(static_cast<float>(a))"):
            with self.subTest(call):
                self.archive(f"#include <cmath>\ndouble f(double a) {{ return {call}; }}\n")
                self.assertEqual(len(portable_archives.check("libunit.a", self.listing)), 1)


class HeadersStandAlone(Folder):
    """Builds a small project with the real cmake/modules.cmake, whose one header is good or bad."""

    def build(self, header):
        self.write("lonely/thing.h", header)
        self.write("lonely/CMakeLists.txt", "evener_module(lonely)\n")
        self.write("lonely/thing.cc", "int thing() { return 1; }\n")
        self.write("CMakeLists.txt", "cmake_minimum_required(VERSION 3.25)\nproject(sample LANGUAGES CXX)\nset(CMAKE_CXX_STANDARD 20)\n"
                   f'find_package(doctest REQUIRED)\ninclude("{ROOT}/cmake/modules.cmake")\nadd_subdirectory(lonely)\n')
        build = self.folder / "build"
        subprocess.run(["cmake", "-S", self.folder, "-B", build, "-G", "Ninja", f"-DCMAKE_CXX_COMPILER={COMPILER}"], check=True, capture_output=True)
        return subprocess.run(["cmake", "--build", build, "--target", "all_verify_interface_header_sets"], capture_output=True, check=False).returncode

    def test_a_header_that_leans_on_its_includer_is_found(self):
        self.assertEqual(self.build("#pragma once\n#include <string>\nstd::string name();\n"), 0)
        self.assertNotEqual(self.build("#pragma once\nstd::string name();\n"), 0)


class Tidy(Folder):
    def found(self, text, name="a.md"):
        return tidy.check_text(pathlib.Path(name), text if isinstance(text, bytes) else text.encode())

    def test_clean_text_has_no_finding(self):
        self.assertEqual(self.found("A line, and “quotes”.\n"), [])

    def test_each_untidiness_is_found(self):
        slash = "/"
        for text in (b"\xff\n", "no newline", "trailing \n", "a\tb\n", "lines\r\n", "end\n\n", f"see {slash}home/ann/x\n", "TO" "DO: later\n"):
            with self.subTest(text):
                self.assertEqual(len(self.found(text)), 1)

    def test_a_link_that_leads_nowhere_is_found(self):
        self.write("b.md", "# One heading, two\n")
        good = "[b](b.md) [c](b.md#one-heading-two) [web](https://example.org) `[x](y)`\n"
        self.assertEqual(tidy.check_links(self.folder, pathlib.Path("a.md"), good), [])
        self.assertEqual(len(tidy.check_links(self.folder, pathlib.Path("a.md"), "[c](c.md) [d](b.md#three)\n")), 2)

    def test_a_test_name_that_ctest_takes_apart_is_found(self):
        found = lambda text: tidy.check_test_names(pathlib.Path("a_test.cc"), text)
        self.assertEqual(found('TEST_CASE("a [pair], then \\"text\\" [of [two]]") {\n  say("one; two [");\n}\n'), [])
        self.assertEqual(found('// TEST_CASE("no test; only a comment")\n'), [])
        self.assertEqual(found('\nTEST_CASE("one; two") {\n'), ["a_test.cc:2: ctest splits this test's name at the ';'"])
        for name in ("an open [", "a closed ]", "][", "[a [b]"):
            with self.subTest(name):
                self.assertEqual(len(found(f'TEST_CASE("{name}") {{\n')), 1)
        self.assertEqual(len(found('TEST_CASE_FIXTURE(Pool, "one; two") {\nTEST_CASE(\n    "a name "\n    "of two; parts") {\n')), 2)
        self.assertEqual(len(found('TEST_CASE_TEMPLATE("one; two", T, int, long) {\n')), 1)

    def test_a_seed_without_its_fuzzer_and_a_large_seed_are_found(self):
        self.write("fuzz/corpus/head_fuzz/one", "x" * (tidy.CORPUS_FILE_BYTES_MAX + 1))
        self.write("fuzz/corpus/gone_fuzz/one", "x")
        self.write("evener/net/head_fuzz.cc", "")
        self.assertEqual(len(tidy.check_corpora(self.folder, findings.project_files(self.folder))), 2)

    def test_builds_are_no_files_of_the_project(self):
        self.write("build/x.cc", "")
        self.write("a/y.cc", "")
        self.assertEqual(findings.project_files(self.folder), [pathlib.Path("a/y.cc")])


class DocumentedCommands(unittest.TestCase):
    HELP = {"serve": "  --endpoint URL", "demo": ""}

    def found(self, text):
        return documented_commands.check("a.md", text, self.HELP.get)

    def test_commands_that_exist_have_no_finding(self):
        self.assertEqual(self.found("`evener serve --endpoint http://x`, prose about the evener of horses\n```sh\nbuild/bin/evener demo  # evener what\n```\n"), [])

    def test_the_subcommands_in_a_help_text_are_found(self):
        text = "Usage: evener lab\n\nSubcommands:\n  run             One policy\n  compare         Policies\n\nExamples:\n  evener lab run\n"
        self.assertEqual(documented_commands.subcommands_in(text), ["run", "compare"])
        self.assertEqual(documented_commands.subcommands_in("Options:\n  -h\n"), [])

    def test_a_command_or_an_option_that_does_not_exist_is_found(self):
        self.assertEqual(len(self.found("`evener fly`")), 1)
        self.assertEqual(len(self.found("```\nevener serve --end http://x\n```")), 1)


class WorkedExample(unittest.TestCase):
    def test_only_blocks_that_name_a_file_are_taken(self):
        text = "```cpp\n// evener/a/b.h\nint x;\n```\n```cpp\nint y;\n```\n```sh\n// evener/a/c.h\n```\n"
        self.assertEqual(worked_example.example_files(text), {"evener/a/b.h": "int x;\n"})


if __name__ == "__main__":
    ROOT, COMPILER = pathlib.Path(sys.argv[1]).resolve(), sys.argv[2]
    unittest.main(argv=[sys.argv[0]])
