#include <doctest/doctest.h>

#include <cmath>
#include <string>
#include <vector>

#include "evener/cli/pages/chart.h"
#include "evener/cli/pages/csv.h"
#include "evener/cli/pages/html.h"
#include "tests/for_each_seed.h"
#include "tests/golden.h"

namespace evener::cli::pages {
namespace {

constexpr const char* Hostile = "<script>alert('x & \"y\"')</script>\x01";

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t found = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++found;
  return found;
}

LineChart example_chart() {
  return {
      .title = "Latency against load",
      .description = "p2c stays lower.",
      .x_title = "load",
      .y_title = "seconds",
      .y_scale = Scale::Log,
      .series = {{.name = "random", .points = {{1, .2}, {2, .9}, {3, 8}}}, {.name = "power-of-two", .points = {{1, .2}, {2, .4}, {3, 2}}}},
      .levels = {2}};
}

}  // namespace

TEST_CASE("the page of a small report is the one in the repository") {
  Page page("A small report");
  page.paragraph("workload bursts; 2 endpoints");
  page.put(html_of(
      {.caption = "Means", .head = {"policy", "good"}, .rows = {{{"random"}, {"91.0 %"}}, {{"power-of-two"}, {"win +4.1 pt", "win"}}}}));
  page.heading("Charts");
  page.put(draw(example_chart()));
  page.put(draw(StripChart{.title = "Endpoints over time",
                           .description = "Two endpoints.",
                           .x_title = "seconds",
                           .x_high = 4,
                           .rows = {"gpu-1", "gpu-2"},
                           .values = {{0, 1, 2, 4}, {4, 4, -1, 0}},
                           .unit = "requests at once"}));
  compare_or_update("evener/cli/pages/page_test.html", page.text());
}

TEST_CASE("no text becomes markup, wherever it stands") {
  Page page(Hostile);
  page.heading(Hostile);
  page.paragraph(Hostile);
  page.put(html_of({.caption = Hostile, .head = {Hostile}, .rows = {{{Hostile}}}}));
  LineChart chart = example_chart();
  chart.title = chart.description = chart.x_title = chart.y_title = chart.series[0].name = Hostile;
  page.put(draw(chart));
  page.put(
      draw(StripChart{.title = Hostile, .description = Hostile, .x_title = Hostile, .rows = {Hostile}, .values = {{1}}, .unit = Hostile}));
  const std::string text = page.text();
  CHECK(text.find("<script") == std::string::npos);
  CHECK(text.find("alert('") == std::string::npos);
  CHECK(text.find('\x01') == std::string::npos);
  CHECK(count(text, "&lt;script&gt;") >= 10);
}

TEST_CASE("a page asks for nothing from elsewhere and has no script") {
  Page page("x");
  page.put(draw(example_chart()));
  const std::string text = page.text();
  for (const char* banned : {"<script", "src=", "href=", "url(", "@import", "http:", "https:"})
    CHECK(text.find(banned) == std::string::npos);
  CHECK(text.find("prefers-color-scheme:dark") != std::string::npos);
  CHECK(count(text, "role=\"img\"") == count(text, "<desc>"));
}

TEST_CASE("what is drawn is bounded, whatever comes in") {
  LineChart lines = example_chart();
  lines.series.assign(500, {.name = "many", .points = {}});
  for (Series& series : lines.series) {
    for (int i = 0; i < 5000; ++i) series.points.push_back({static_cast<double>(i), 1.0 + i % 7});
  }
  CHECK(draw(lines).size() < SeriesMax * (PointsMax + 2) * 16 + 8192);
  CHECK(draw(lines).find("and 484 more") != std::string::npos);

  StripChart strips{.rows = {}, .values = {}};
  for (int row = 0; row < 500; ++row) {
    strips.rows.push_back("endpoint");
    auto& values = strips.values.emplace_back();
    for (int column = 0; column < 1000; ++column) values.push_back(column % 10);
  }
  CHECK(draw(strips).size() < StripRowsMax * (StripColumnsMax * 40 + 200) + 4096);

  Table table{.caption = "rows", .head = {"a"}, .rows = {}};
  table.rows.assign(TableRowsMax + 10, {{"x"}});
  CHECK(count(html_of(table), "<tr>") == TableRowsMax + 1);
  CHECK(html_of(table).find("the first 500 of 510 rows") != std::string::npos);
}

TEST_CASE("a chart without values, or with values that cannot be drawn, is still a chart") {
  LineChart chart = example_chart();
  chart.series = {{.name = "none", .points = {}}, {.name = "bad", .points = {{1, -1}, {2, 0}, {std::nan(""), 5}, {3, INFINITY}}}};
  const std::string text = draw(chart);
  CHECK(text.find("nan") == std::string::npos);
  CHECK(text.find("inf") == std::string::npos);
  CHECK(text.find("</svg>") != std::string::npos);
  CHECK(draw(StripChart{.rows = {"a"}, .values = {{}}}).find("nan") == std::string::npos);
}

TEST_CASE("an axis shows all its values between round marks") {
  for_each_seed(500, [](Rng& rng) {
    std::vector<double> values;
    for (std::uint64_t i = 0; i < 1 + rng.below(20); ++i) values.push_back(std::exp(12 * (rng.uniform() - .5)));
    for (const Scale scale : {Scale::Linear, Scale::Log}) {
      const Axis axis = axis_for(values, scale);
      const std::vector<double> marks = axis.marks();
      CHECK(marks.size() >= 1);
      CHECK(marks.size() <= 12);
      for (const double value : values) {
        CHECK(value >= axis.low * (1 - 1e-9));
        CHECK(value <= axis.high * (1 + 1e-9));
      }
      for (std::size_t i = 0; i < marks.size(); ++i) {
        CHECK(axis.position(marks[i]) >= 0);
        CHECK(axis.position(marks[i]) <= 1);
        if (i > 0) CHECK(marks[i] > marks[i - 1]);
      }
    }
  });
  CHECK(axis_for({0, 9.3}, Scale::Linear).marks() == std::vector<double>{0, 2, 4, 6, 8, 10});
  CHECK(axis_for({}, Scale::Log).marks().size() >= 2);
  CHECK(mark_text(15'000) == "15k");
  CHECK(mark_text(.25) == "0.25");
}

TEST_CASE("a field of CSV is quoted where it has to be") {
  CHECK(csv_field("plain") == "plain");
  CHECK(csv_field("a,b") == "\"a,b\"");
  CHECK(csv_field("say \"x\"") == "\"say \"\"x\"\"\"");
  CHECK(csv_field("two\nlines") == "\"two\nlines\"");
}

}  // namespace evener::cli::pages
