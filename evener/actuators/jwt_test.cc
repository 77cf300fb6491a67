#include "evener/actuators/jwt.h"

#include <doctest/doctest.h>
#include <openssl/pem.h>

#include "evener/actuators/testing/certificates.h"

namespace evener::actuators {
namespace {

TEST_CASE("a token has header, claims and a signature that the public key confirms") {
  const testing::Owned<EVP_PKEY> key(EVP_RSA_gen(2048));
  const testing::Owned<BIO> out(BIO_new(BIO_s_mem()));
  PEM_write_bio_PrivateKey(out.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  char* pem = nullptr;
  const long size = BIO_get_mem_data(out.get(), &pem);
  const auto token = sign_jwt(R"({"alg":"RS256"})", R"({"iss":"me"})", Secret(std::string(pem, static_cast<std::size_t>(size))));
  REQUIRE(token.has_value());
  const std::string& text = token->reveal();
  const std::size_t signature = text.rfind('.');
  CHECK(text.substr(0, signature) == "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJtZSJ9");
  // Decoded here by OpenSSL itself, which wants the plain alphabet and its padding.
  std::string base64 = text.substr(signature + 1);
  for (char& c : base64) c = c == '-' ? '+' : c == '_' ? '/' : c;
  REQUIRE(base64.size() == 342);
  base64 += "==";
  unsigned char bytes[258];
  REQUIRE(EVP_DecodeBlock(bytes, reinterpret_cast<const unsigned char*>(base64.data()), static_cast<int>(base64.size())) == sizeof bytes);
  EVP_MD_CTX* const context = EVP_MD_CTX_new();
  EVP_DigestVerifyInit(context, nullptr, EVP_sha256(), nullptr, key.get());
  CHECK(EVP_DigestVerify(context, bytes, 256, reinterpret_cast<const unsigned char*>(text.data()), signature) == 1);
  EVP_MD_CTX_free(context);
}

TEST_CASE("a key that is no RSA key in PEM is refused") {
  CHECK(!sign_jwt("{}", "{}", Secret("no key")).has_value());
  CHECK(!sign_jwt("{}", "{}", Secret()).has_value());
  CHECK(!sign_jwt("{}", "{}", Secret(testing::make_certificate("c").key_pem())).has_value());
}

}  // namespace
}  // namespace evener::actuators
