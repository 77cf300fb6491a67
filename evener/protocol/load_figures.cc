#include "evener/protocol/load_figures.h"

#include <algorithm>
#include <cmath>

namespace evener::protocol {
namespace {

constexpr double ShareSlack = 0.01;  // engines round, and some count blocks that are being freed

constexpr bool is_share(Figure figure) {
  return figure == Figure::KvUsed || figure == Figure::Utilization || figure == Figure::PrefixHitShare;
}

}  // namespace

std::optional<Figure> figure_named(std::string_view key) {
  for (const FigureName& entry : FigureNames) {
    if (entry.key == key) return entry.figure;
  }
  return std::nullopt;
}

void LoadFigures::set(Figure figure, double value) {
  if (!std::isfinite(value) || value < 0) return;
  if (value == 0 && (figure == Figure::KvCapacityTokens || figure == Figure::RequestsMax)) return;
  if (is_share(figure)) {
    if (value > 1 + ShareSlack) return;
    value = std::min(value, 1.0);
  }
  values_[static_cast<std::size_t>(figure)] = value;
}

void LoadFigures::fill_from(const LoadFigures& other) {
  for (std::size_t i = 0; i < Figures; ++i) {
    if (!values_[i]) values_[i] = other.values_[i];
  }
}

FigureSet LoadFigures::present() const {
  FigureSet found;
  for (std::size_t i = 0; i < ReportedFigures; ++i) {
    if (values_[i]) found.add(static_cast<Figure>(i));
  }
  if ((*this)[Figure::GeneratedTokens]) found.add(Figure::GeneratedTokensPerS);
  // A cache that nobody has asked yet has a share all the same; it is only not known yet.
  if ((*this)[Figure::PrefixQueryTokens] && (*this)[Figure::PrefixHitTokens]) found.add(Figure::PrefixHitShare);
  return found;
}

void LoadFigures::derive() {
  const auto& queries = (*this)[Figure::PrefixQueryTokens];
  const auto& hits = (*this)[Figure::PrefixHitTokens];
  if (!(*this)[Figure::PrefixHitShare] && queries && hits && *queries > 0) set(Figure::PrefixHitShare, *hits / *queries);
  const auto& blocks = (*this)[Figure::KvBlocks];
  const auto& block_tokens = (*this)[Figure::KvBlockTokens];
  if (!(*this)[Figure::KvCapacityTokens] && blocks && block_tokens) set(Figure::KvCapacityTokens, *blocks * *block_tokens);
}

void LoadRates::apply(LoadFigures& figures, Instant at) {
  const std::optional<double> generated = figures[Figure::GeneratedTokens];
  if (!generated) {
    forget();
    return;
  }
  if (generated_ && at - at_ < SpanMin) return;
  if (generated_ && *generated >= *generated_ && !figures[Figure::GeneratedTokensPerS]) {
    figures.set(Figure::GeneratedTokensPerS, (*generated - *generated_) / seconds(at - at_));
  }
  generated_ = generated;
  at_ = at;
}

}  // namespace evener::protocol
