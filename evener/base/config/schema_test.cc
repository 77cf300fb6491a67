#include "evener/base/config/schema.h"

#include <doctest/doctest.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "evener/base/config/yaml.h"

namespace evener::config {
namespace {

enum class Colour : std::uint8_t { Red, Green };

struct Horse {
  std::string name;
  double strength = 1;
  Colour colour = Colour::Green;

  bool operator==(const Horse&) const = default;
};

struct Rest {
  Duration pause = std::chrono::seconds(5);
  bool enabled = true;
};

struct Team {
  std::string owner = "nobody";
  std::uint16_t wagons = 1;
  std::uint64_t load = 64U << 10;
  Rest rest;
  std::vector<Horse> horses;
  std::vector<std::uint16_t> gates = {1, 2};
  std::map<std::string, Duration> stops;
};

const Structure& team() {
  static const Of<Horse> horse = Describe<Horse>("horse", "One that pulls.")
                                     .field("name", &Horse::name, text({.may_be_empty = false}), {.doc = "Its name.", .example = "Bella", .presence = Presence::Required})
                                     .field("strength", &Horse::strength, number({0.1, 10}, "0 is a dead horse"), {.doc = "How strong."})
                                     .field("colour", &Horse::colour, one_of<Colour>({{Colour::Red, "red", "A fox."}, {Colour::Green, "green", "Not seen often."}}), {.doc = "Coat."})
                                     .done();
  static const Of<Team> all =
      Describe<Team>("team", "Horses and what they pull.")
          .field("owner", &Team::owner, text({.what = "a name in small letters", .bytes_max = 8, .pattern = "^[a-z]*$", .check = [](std::string_view name) {
                                                const bool small = name.find_first_not_of("abcdefghijklmnopqrstuvwxyz") == std::string_view::npos;
                                                return std::string(small ? "" : "a name in small letters (no digits)");
                                              }}), {.doc = "Who pays."})
          .field("wagons", &Team::wagons, whole_number<std::uint16_t>({1, 1000}), {.doc = "How many wagons.", .example = "2"})
          .field("load", &Team::load, size<std::uint64_t>({1024, 1U << 30}), {.doc = "What they pull."})
          .field("pause", &Team::rest, &Rest::pause, duration({std::chrono::milliseconds(1), std::chrono::hours(1)}, "no pause"), {.doc = "Rest between trips."})
          .field("resting", &Team::rest, &Rest::enabled, boolean(), {.doc = "Whether they rest."})
          .field("horses", &Team::horses, list_of(horse, {0, 3}), {.doc = "The team.", .example = "- name: Max\n  strength: 2"})
          .field("gates", &Team::gates, list_of(whole_number<std::uint16_t>({1, 9}), {1, 4}), {.doc = "Gates to use."})
          .field("stops", &Team::stops, map_of({.what = "a village", .may_be_empty = false}, duration({std::chrono::seconds(1), std::chrono::hours(1)}), {0, 2}), {.doc = "Where to stop."})
          .done();
  return *all.type->structure();
}

struct Outcome {
  Team team;
  std::string errors;  // "line:column: message" per line
};

Outcome read(std::string_view text) {
  Problems problems("f", text);
  Outcome out;
  if (const auto root = parse_yaml(text, problems)) {
    ReadState state{.problems = problems, .path = {}};
    team().read(*root, root->mark, &out.team, state);
  }
  for (const ConfigError& error : problems.take()) out.errors += std::to_string(error.line) + ":" + std::to_string(error.column) + ": " + error.message + "\n";
  return out;
}

TEST_CASE("every kind of value is read, and what is not written keeps its default") {
  const Outcome outcome = read(
      "owner: ada\nwagons: 3\nload: 2MiB\npause: 1m30s\nresting: false\n"
      "horses:\n  - {name: Bella, strength: 2.5, colour: red}\n  - name: \"7\"\n"
      "gates: [4]\nstops: {ulm: 10s, \"bad mergentheim\": 1h}\n");
  CHECK(outcome.errors == "");
  const Team& t = outcome.team;
  CHECK(t.owner == "ada");
  CHECK(t.wagons == 3);
  CHECK(t.load == 2U << 20);
  CHECK(t.rest.pause == Duration(std::chrono::seconds(90)));
  CHECK(!t.rest.enabled);
  CHECK(t.horses == std::vector<Horse>{{.name = "Bella", .strength = 2.5, .colour = Colour::Red}, {.name = "7"}});
  CHECK(t.gates == std::vector<std::uint16_t>{4});
  CHECK(t.stops == std::map<std::string, Duration>{{"ulm", std::chrono::seconds(10)}, {"bad mergentheim", std::chrono::hours(1)}});
  CHECK(read("").team.owner == "nobody");
  CHECK(read("{}").team.gates == std::vector<std::uint16_t>{1, 2});
  CHECK(read("pause: 0").team.rest.pause == Duration::zero());
}

TEST_CASE("all mistakes of a file are told at once, each with place, value, rule and a suggestion") {
  const Outcome outcome = read(
      "owner: B0b\n"
      "wagon: 2\n"
      "load: 64KB\n"
      "pause: 30\n"
      "resting: no\n"
      "horses:\n"
      "  - name: Bella\n"
      "    strength: 0\n"
      "    color: red\n"
      "  - colour: rad\n"
      "gates: 5\n"
      "stops: {ulm: 2h, \"\": 1s}\n");
  CHECK(outcome.errors ==
        "1:8: owner is \"B0b\"; it must be a name in small letters (no digits)\n"
        "2:1: wagon: unknown field (did you mean \"wagons\"?)\n"
        "3:7: load is 64KB; it must be a size 1KiB..1GiB (write 64KiB)\n"
        "4:8: pause is 30; it must be a duration 1ms..1h, or 0 (no pause) (write the unit: 30s or 30ms)\n"
        "5:10: resting is no; it must be true or false\n"
        "8:15: horses[0].strength is 0; it must be a number 0.1..10 (0 is a dead horse)\n"
        "9:5: horses[0].color: unknown field (did you mean \"colour\"?)\n"
        "10:5: horses[1].name is missing; it must be a text\n"
        "10:13: horses[1].colour is rad; it must be one of red, green (did you mean red?)\n"
        "11:8: gates is 5; it must be a list (1..4 items), each a whole number 1..9 (write [5])\n"
        "12:14: stops.ulm is 2h; it must be a duration 1s..1h\n"
        "12:18: stops[\"\"]: the key is \"\"; it must be a village\n");
  CHECK(outcome.team.horses.size() == 2);
}

TEST_CASE("a value of the wrong kind says what it is and what it should be") {
  CHECK(read("owner: 5").errors == "1:8: owner is the number 5; it must be a name in small letters (if it is meant as a text, write \"5\")\n");
  CHECK(read("owner: true").errors == "1:8: owner is the truth value true; it must be a name in small letters (if it is meant as a text, write \"true\")\n");
  CHECK(read("owner: no").errors == "");  // YAML 1.2: a text
  CHECK(read("owner: longerthan8").errors == "1:8: owner is longerthan8; it must be at most 8 bytes long\n");
  CHECK(read("wagons: \"3\"").errors == "1:9: wagons is the text \"3\"; it must be a whole number 1..1000 (remove the quotes)\n");
  CHECK(read("wagons: 0123").errors == "1:9: wagons is 0123; it must be a whole number 1..1000 (write 123, without leading zeros)\n");
  CHECK(read("wagons: 2.0").errors == "1:9: wagons is 2.0; it must be a whole number 1..1000\n");
  CHECK(read("wagons: [1]").errors == "1:9: wagons is a list; it must be a whole number 1..1000\n");
  CHECK(read("wagons:\nowner: x").errors == "1:1: wagons is empty; it must be a whole number 1..1000 (or remove the line)\n");
  CHECK(read("horses:\nowner: x").errors.find("write [] for an empty list, or remove the line") != std::string::npos);
  CHECK(read("horses: {name: x}").errors.find("horses is a mapping; it must be a list") != std::string::npos);
  CHECK(read("horses: [x]").errors == "1:10: horses[0] is x; it must be a mapping with fields ('name: value' lines)\n");
  CHECK(read("- x").errors == "1:1: the file is a list; it must be a mapping with fields ('name: value' lines)\n");
  CHECK(read("stops: []").errors.find("stops is a list; it must be a mapping") != std::string::npos);
}

TEST_CASE("lists and mappings have their limits") {
  CHECK(read("gates: []").errors == "1:8: gates is a list of 0; it must be a list with 1..4 items\n");
  CHECK(read("gates: [1,2,3,4,5]").errors == "1:8: gates is a list of 5; it must be a list with 1..4 items\n");
  CHECK(read("stops: {a: 1s, b: 1s, c: 1s}").errors == "1:8: stops is a mapping of 3; it must be a mapping with at most 2 entries\n");
}

TEST_CASE("references to the environment are refused in any value, since nobody would replace them") {
  CHECK(read("owner: ${OWNER}").errors == "1:8: owner is ${OWNER}; it must be a name in small letters (references to the environment are not replaced in this file)\n");
  CHECK(read("wagons: \"${N}\"").errors.find("references to the environment") != std::string::npos);
  CHECK(read("owner: a${").errors.find("environment") == std::string::npos);
}

TEST_CASE("the JSON Schema names every field with its rule and default") {
  const std::string schema = json_schema(team(), "Team");
  for (const char* part : {"\"$schema\": \"https://json-schema.org/draft/2020-12/schema\"", "\"additionalProperties\": false", "\"$ref\": \"#/$defs/horse\"",
                           "\"minimum\": 0.1", "\"default\": \"64KiB\"", "\"default\": [\n        1,\n        2\n      ]", "\"pattern\": \"^[a-z]*$\"",
                           "\"required\": [\n        \"name\"\n      ]", "\"enum\": [\n            \"red\",\n            \"green\"\n          ]"}) {
    CAPTURE(part);
    CHECK(schema.find(part) != std::string::npos);
  }
  Problems problems("schema", schema);
  CHECK(parse_yaml(schema, problems).has_value());  // it is JSON
}

TEST_CASE("the reference page has a section per structure and a row per field") {
  const std::string page = reference_markdown(team(), "Team", "About teams.");
  CHECK(page.starts_with("# Team\n\nAbout teams.\n\n## The file\n\nHorses and what they pull.\n"));
  CHECK(page.find("| `load` | a size 1KiB..1GiB | `64KiB` | What they pull. |\n") != std::string::npos);
  CHECK(page.find("\n## `horses[]`\n") != std::string::npos);
  CHECK(page.find("| `name` | a text | required | Its name. |\n") != std::string::npos);
  CHECK(page.find("- `red`: A fox.\n") != std::string::npos);
}

TEST_CASE("the example file is valid, sets what has an example and shows the rest commented out with its default") {
  const std::string example = example_yaml(team(), "A team.");
  CHECK(example ==
        "# A team.\n\n"
        "# Who pays. A name in small letters.\n#owner: \"nobody\"\n\n"
        "# How many wagons. A whole number 1..1000. Default: 1.\nwagons: 2\n\n"
        "# What they pull. A size 1KiB..1GiB.\n#load: 64KiB\n\n"
        "# Rest between trips. A duration 1ms..1h, or 0 (no pause).\n#pause: 5s\n\n"
        "# Whether they rest. True or false.\n#resting: true\n\n"
        "# The team.\nhorses:\n"
        "    # Its name. A text. Required.\n  - name: Bella\n"
        "    # How strong. A number 0.1..10.\n    #strength: 1\n"
        "    # Coat. One of red, green.\n    #colour: green\n"
        "  - name: Max\n    strength: 2\n\n"
        "# Gates to use. A list (1..4 items), each a whole number 1..9.\n#gates: [1, 2]\n\n"
        "# Where to stop. A mapping from a village to a duration 1s..1h.\n#stops: {}\n");
  const Outcome outcome = read(example);
  CHECK(outcome.errors == "");
  CHECK(outcome.team.horses == std::vector<Horse>{{.name = "Bella"}, {.name = "Max", .strength = 2}});
}

}  // namespace
}  // namespace evener::config
