#include "evener/route/testing/policy_bench.h"

using evener::route::bench_policy;

EVENER_POLICY_BENCH(DynamoLmetric);
