// The command lines of evener load and evener engine: what they refuse, and what they return to the shell.

#include <doctest/doctest.h>

#include <cstdlib>
#include <iostream>
#include <sstream>
#include <string>
#include <vector>

#include "evener/cli/command.h"
#include "evener/cli/testing/temporary_file.h"
#include "evener/engine/fleet.h"

namespace evener::cli {
namespace {

struct Outcome {
  int code = 0;
  std::string out, err;
};

Outcome call(int (*command)(int, char**), std::vector<std::string> arguments) {
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  const std::ostringstream out, err;
  std::streambuf* const cout = std::cout.rdbuf(out.rdbuf());
  std::streambuf* const cerr = std::cerr.rdbuf(err.rdbuf());
  Outcome outcome;
  outcome.code = command(static_cast<int>(arguments.size()), argv.data());
  std::cout.rdbuf(cout);
  std::cerr.rdbuf(cerr);
  outcome.out = out.str();
  outcome.err = err.str();
  return outcome;
}

Outcome load(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "load");
  return call(load_command, std::move(arguments));
}

std::unique_ptr<engine::Fleet> start(const std::string& spec) {
  engine::EngineOptions base;
  base.models = {"m"};
  auto fleet = engine::Fleet::start({*engine::parse_engine_spec(spec, base)});
  REQUIRE(fleet);
  return std::move(*fleet);
}

TEST_CASE("a wrong command line of load ends with 2 and says what is wrong") {
  const auto message = [](const std::vector<std::string>& arguments) {
    const Outcome outcome = load(arguments);
    CHECK(outcome.code == Usage);
    return outcome.err;
  };
  CHECK(message({}).find("--model") != std::string::npos);
  CHECK(message({"--model", "m"}).starts_with("evener load: say what load: --rate R, --closed N or --trace FILE"));
  CHECK(message({"--model", "m", "--rate", "5", "--closed", "2"}).find("excludes") != std::string::npos);
  CHECK(message({"--model", "m", "--rate", "-5"}).find("--rate") != std::string::npos);
  CHECK(message({"--model", "m", "--rate", "5", "--requests", "-5"}).find("--requests") != std::string::npos);
  CHECK(message({"--model", "m", "--rate", "5", "--seed", "-1"}).find("--seed") != std::string::npos);
  CHECK(message({"--model", "m", "--rate", "5", "--input-tokens", "9-5"})
            .starts_with("evener load: --input-tokens 9-5 is not a number of tokens"));
  CHECK(message({"--model", "m", "--rate", "5", "--duration", "5"}).starts_with("evener load: --duration 5 is not a duration"));
  CHECK(message({"--model", "m", "--rate", "5", "--header", "x"}).starts_with("evener load: --header x is not of the form"));
  CHECK(message({"--model", "m", "--rate", "5", "--url", "https://127.0.0.1"}).find("https is not supported") != std::string::npos);
}

TEST_CASE("load returns 0 when all succeeded, 7 when some failed, 1 when none succeeded, 6 when the goodput is too low") {
  const auto fleet = start("fast");
  const std::vector<std::string> common = {
      "--model", "m", "--url", "http://" + fleet->address(0), "--closed", "2", "--requests", "40", "--output-tokens", "3"};
  const auto with = [&](const std::vector<std::string>& more) {
    std::vector<std::string> all = common;
    all.insert(all.end(), more.begin(), more.end());
    return load(all);
  };
  const Outcome fine = with({});
  CHECK(fine.code == Ok);
  CHECK(fine.out.find("40 ok, 0 failed") != std::string::npos);
  CHECK(fine.err.empty());  // progress is for terminals
  const Outcome missed = with({"--slo-e2e", "1us", "--require-goodput", "50"});
  CHECK(missed.code == Findings);
  CHECK(missed.out.find("within E2E <= 1 us") != std::string::npos);
  engine::FaultPlan faults;
  faults.error = 0.5;
  fleet->set_faults(0, faults);
  CHECK(with({}).code == Partial);
  faults.error = 1;
  fleet->set_faults(0, faults);
  CHECK(with({}).code == Failure);
}

TEST_CASE("load writes its report as JSON and one record per request") {
  const auto fleet = start("fast,name=box");
  const TemporaryFile records("");
  const Outcome outcome = load({"--model", "m", "--url", "http://" + fleet->address(0), "--rate", "500", "--requests", "5",
                                "--output-tokens", "3", "--json", "--records", records.path()});
  CHECK(outcome.code == Ok);
  CHECK(outcome.out.starts_with("{\"schema_version\":1,"));
  std::istringstream lines(records.read());
  std::string line;
  int count = 0;
  while (std::getline(lines, line)) {
    ++count;
    CHECK(line.starts_with("{\"intended\":"));
    CHECK(line.find("\"output_tokens\":3,\"cached_tokens\":0,\"status\":200,\"failure\":\"none\",\"endpoint\":\"box\"}") !=
          std::string::npos);
  }
  CHECK(count == 5);
}

TEST_CASE("a trace with damaged lines is replayed without them, and each is named") {
  const auto fleet = start("fast");
  const TemporaryFile trace(
      "{\"timestamp\":0,\"input_length\":20,\"output_length\":2}\n{\"timestamp\":0}\n{\"timestamp\":0,\"input_length\":20,\"output_"
      "length\":2}\n"
      "{\"timestamp\":0,\"input_length\":20,\"output_length\":2}\n");
  const Outcome refused = load({"--model", "m", "--url", "http://" + fleet->address(0), "--trace", trace.path()});
  CHECK(refused.code == Usage);
  CHECK(refused.err.find("25.0 % of the lines cannot be read, more than the 1 % of --malformed-max") != std::string::npos);
  const Outcome outcome = load({"--model", "m", "--url", "http://" + fleet->address(0), "--trace", trace.path(), "--malformed-max", "0.3"});
  CHECK(outcome.code == Ok);
  CHECK(outcome.out.find("3 ok, 0 failed") != std::string::npos);
  CHECK(outcome.err.find(trace.path() + ":2: input_length is missing\n") != std::string::npos);
  CHECK(outcome.err.find("1 of 4 lines were left out") != std::string::npos);
  CHECK(outcome.err.find("--spread draws them apart") != std::string::npos);
  const Outcome missing = load({"--model", "m", "--trace", "/nonexistent/trace"});
  CHECK(missing.code != Ok);
  CHECK(missing.err.find("/nonexistent/trace") != std::string::npos);
}

TEST_CASE("a wrong command line of engine ends with 2 and says what is wrong") {
  const auto message = [](std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "engine");
    const Outcome outcome = call(engine_command, arguments);
    CHECK(outcome.code == Usage);
    return outcome.err;
  };
  CHECK(message({"h900"}).starts_with("evener engine: h900: there is no engine preset \"h900\"; known are fast,"));
  CHECK(message({"fast,batch=0"}).find("batch is \"0\"") != std::string::npos);
  CHECK(message({"--fault", "error"}).find("--fault error is not of the form name=number") != std::string::npos);
  CHECK(message({"--fault", "error=2"}).find("fault error is 2; it must be 0..1") != std::string::npos);
  CHECK(message({"--port", "-1"}).find("--port") != std::string::npos);
}

TEST_CASE("engine lists its presets, and an address in use ends it with 1") {
  const Outcome presets = call(engine_command, {"engine", "--presets"});
  CHECK(presets.code == Ok);
  CHECK(presets.out.find("rtx4090-8b") != std::string::npos);
  const auto fleet = start("fast");
  const Outcome clash = call(engine_command, {"engine", "fast,listen=" + fleet->address(0)});
  CHECK(clash.code == Failure);
  CHECK(clash.err.find("engine fast: ") != std::string::npos);
}

}  // namespace
}  // namespace evener::cli
