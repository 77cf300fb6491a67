#include "evener/protocol/priority_hint.h"

#include <doctest/doctest.h>

namespace {

using namespace evener::protocol;

TEST_CASE("service tiers are wishes for a class, and auto is none") {
  CHECK(priority_of_service_tier("priority") == PriorityHint::Realtime);
  CHECK(priority_of_service_tier("fast") == PriorityHint::Realtime);
  CHECK(priority_of_service_tier("default") == PriorityHint::Standard);
  CHECK(priority_of_service_tier("flex") == PriorityHint::Batch);
  CHECK(priority_of_service_tier("batch") == PriorityHint::Batch);
  for (const char* word : {"auto", "", "flexible", "background", "realtime"}) CHECK_FALSE(priority_of_service_tier(word));
}

TEST_CASE("words of priority headers are read in any case, unknown ones not at all") {
  CHECK(priority_of_word("Realtime") == PriorityHint::Realtime);
  CHECK(priority_of_word("INTERACTIVE") == PriorityHint::Realtime);
  CHECK(priority_of_word("default") == PriorityHint::Standard);
  CHECK(priority_of_word("Bulk") == PriorityHint::Batch);
  CHECK(priority_of_word("background") == PriorityHint::Background);
  for (const char* word : {"", "1", "urgent ", "flex"}) CHECK_FALSE(priority_of_word(word));
}

}  // namespace
