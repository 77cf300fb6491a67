#include "evener/cli/load_spec.h"

#include <doctest/doctest.h>

#include <fstream>
#include <iterator>
#include <string>

namespace evener::cli {
namespace {

std::string problem(std::string_view text) {
  const auto load = read_load_spec(text);
  return load ? std::string() : load.error().message;
}

template <class Kind>
Kind read(std::string_view text) {
  const auto load = read_load_spec(text);
  REQUIRE_MESSAGE(load, problem(text));
  REQUIRE(std::holds_alternative<Kind>(*load));
  return std::get<Kind>(*load);
}

TEST_CASE("a load is its name and what is to be other than usual") {
  const auto load =
      read<lab::SessionLoad>("sessions:turns=5,think=20s,rate=0.5,for=1h,first=lognormal:3000:1,output=exp:300,next=100-300,system=0");
  CHECK(load.turns_mean == 5);
  CHECK(load.think_s == 20);
  CHECK(load.arrivals.stages.front().rate_per_s == 0.5);
  CHECK(load.arrivals.stages.front().duration_s == 3600);
  CHECK(load.first_input.shape == lab::LengthLaw::Shape::LogNormal);
  CHECK(load.first_input.mean == 3000);
  CHECK(load.first_input.spread == 1);
  CHECK(load.output.shape == lab::LengthLaw::Shape::Exponential);
  CHECK(load.next_input.shape == lab::LengthLaw::Shape::Uniform);
  CHECK(load.next_input.min == 100);
  CHECK(load.next_input.max == 300);
  CHECK(load.system_tokens == 0);
  CHECK(read<lab::SessionLoad>("chat:turns=2").first_input.mean == 3000);
}

TEST_CASE("arrivals are a process by name, whose parts can be changed") {
  const auto arrivals = [](std::string_view text) { return read<lab::IndependentLoad>("independent:" + std::string(text)).arrivals; };
  CHECK(arrivals("arrivals=weibull,cv=3").distances == lab::ArrivalLaw::Distances::Weibull);
  CHECK(arrivals("arrivals=weibull,cv=3").cv == 3);
  CHECK(arrivals("arrivals=fixed").cv == 0);
  CHECK(arrivals("arrivals=mmpp").bursts.ratio == 5);
  CHECK(arrivals("arrivals=mmpp,burst=9,burst-share=0.2,burst-for=5s").bursts.ratio == 9);
  CHECK(arrivals("arrivals=mmpp,burst-for=5s").bursts.mean_s == 5);
  const lab::Daily daily = arrivals("arrivals=diurnal,day=1h,peak=0.25,begin=sat,weekend=0.2").daily;
  CHECK(daily.swing == 0.6);
  CHECK(daily.weekend == 0.2);
  CHECK(daily.day_s == 3600);
  CHECK(daily.begin == 5);
  CHECK(arrivals("stages=15x50+3x20.5").stages.size() == 2);
  CHECK(arrivals("stages=15x50+3x20.5").stages[1].duration_s == 20.5);
}

TEST_CASE("what is unknown is refused with a list of what there is") {
  CHECK(problem("nothing").starts_with("--workload: nothing is not a load; there are\n  independent"));
  const std::string key = problem("sessions:colour=2");
  CHECK(key.starts_with("--workload: sessions has no colour; it has\n"));
  CHECK(key.find("\n  turns=X") != std::string::npos);
  CHECK(key.find("\n  groups=") == std::string::npos);
  CHECK(problem("sessions:groups=2").starts_with("--workload: sessions has no groups; it has"));
  CHECK(problem("shared-prefix:think=2s").starts_with("--workload: shared-prefix has no think; it has"));
}

TEST_CASE("a value that cannot be is refused with what it should look like") {
  CHECK(problem("sessions:think=20") ==
        "--workload: think=20 is not of the form think=DURATION (from an answer to the next message on average, exponential)");
  for (const char* text : {"independent:rate=0",
                           "independent:rate=-1",
                           "independent:rate=inf",
                           "independent:for=0s",
                           "independent:cv=-1",
                           "independent:arrivals=weibull,cv=0",
                           "independent:input=0",
                           "independent:input=5-1",
                           "independent:input=exp",
                           "independent:input=exp:0",
                           "independent:input=lognormal:5",
                           "independent:burst=0.5",
                           "independent:burst-share=1",
                           "independent:stages=",
                           "independent:stages=5",
                           "independent:begin=someday",
                           "independent:arrivals=often",
                           "sessions:turns=0.5",
                           "sessions:requests-max=0",
                           "shared-prefix:groups=1.5",
                           "independent:rate"}) {
    CAPTURE(text);
    CHECK_FALSE(problem(text).empty());
  }
}

TEST_CASE("a load has at most a thousand stages") {
  std::string stages = "independent:stages=1x1";
  for (int i = 1; i < 1000; ++i) stages += "+1x1";
  CHECK(problem(stages).empty());
  CHECK_FALSE(problem(stages + "+1x1").empty());
}

TEST_CASE("the page on the lab has every key") {
  std::ifstream in("docs/lab.md");
  const std::string page((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  REQUIRE(!page.empty());
  for (const lab::NamedLoad& load : lab::named_loads()) {
    CHECK_MESSAGE(page.find("`" + std::string(load.name) + "`") != std::string::npos, load.name);
    for (const LoadKey& key : load_keys(load.load())) {
      const std::string row = "| `" + std::string(key.key) + "` | " + std::string(key.form) + " |";
      CHECK_MESSAGE(page.find(row) != std::string::npos, row);
    }
  }
}

}  // namespace
}  // namespace evener::cli
