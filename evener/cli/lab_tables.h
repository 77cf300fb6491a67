#pragma once
// How the figures of the lab are printed, for people and as JSON.

#include <string_view>

#include "evener/cli/lab_runs.h"

namespace evener {
class JsonWriter;
}

namespace evener::cli {

void print_figures_head();
void print_figures(std::string_view name, const lab::Figures& figures);
/// All requests, and a line below for each class.
void print_figures(std::string_view name, const RunFigures& figures);

/// One member per metric, each an object with its unit and statistics, as AIPerf exports them.
void write_figures(JsonWriter& json, const lab::Figures& figures);
/// All requests, and "classes" with one object each.
void write_figures(JsonWriter& json, const RunFigures& figures);

}  // namespace evener::cli
