#include "evener/route/retry_budget.h"

#include <doctest/doctest.h>

using namespace evener::route;

TEST_CASE("the minimum is always allowed, even with nothing else in flight") {
  RetryBudget budget;
  const RetrySettings settings{.budget_share = 0.2, .budget_min = 3};
  for (int i = 0; i < 3; ++i) {
    CHECK(budget.allows(settings, 0));
    budget.began();
  }
  CHECK_FALSE(budget.allows(settings, 0));
}

TEST_CASE("beyond the minimum retries may be 20 % of what is in flight") {
  RetryBudget budget;
  const RetrySettings settings{.budget_share = 0.2, .budget_min = 3};
  for (int i = 0; i < 19; ++i) budget.began();
  CHECK(budget.allows(settings, 100));
  budget.began();
  CHECK(budget.in_flight() == 20);
  CHECK_FALSE(budget.allows(settings, 100));
  budget.ended();
  CHECK(budget.allows(settings, 100));
}

TEST_CASE("a share and minimum of 0 allow no retry") {
  CHECK_FALSE(RetryBudget().allows({.budget_share = 0, .budget_min = 0}, 1000));
}

TEST_CASE("an ending too many does not make room for more than the budget") {
  RetryBudget budget;
  budget.ended();
  CHECK(budget.in_flight() == 0);
}
