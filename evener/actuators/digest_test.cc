#include "evener/actuators/digest.h"

#include <doctest/doctest.h>

namespace evener::actuators {

TEST_CASE("digests are those of the standards' examples") {
  // FIPS 180-4's example for one block; RFC 4231, test case 2.
  CHECK(hex(sha256("abc")) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(hex(hmac_sha256("Jefe", "what do ya want for nothing?")) == "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

}  // namespace evener::actuators
