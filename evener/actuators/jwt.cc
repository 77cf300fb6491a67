#include "evener/actuators/jwt.h"

#include <openssl/evp.h>
#include <openssl/pem.h>

#include <memory>

#include "evener/actuators/base64.h"

namespace evener::actuators {
namespace {

struct Free {
  void operator()(BIO* bio) const { BIO_free(bio); }
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};
template <class T>
using Owned = std::unique_ptr<T, Free>;

/// An encrypted key needs a password, which nobody is asked for.
int no_password(char*, int, int, void*) { return -1; }

}  // namespace

Result<Secret> sign_jwt(std::string_view header_json, std::string_view claims_json, const Secret& key_pem) {
  const Owned<BIO> pem(BIO_new_mem_buf(key_pem.reveal().data(), static_cast<int>(key_pem.reveal().size())));
  const Owned<EVP_PKEY> key(pem ? PEM_read_bio_PrivateKey(pem.get(), nullptr, &no_password, nullptr) : nullptr);
  if (!key || EVP_PKEY_get_base_id(key.get()) != EVP_PKEY_RSA) return fail("the private key is no RSA key in PEM");
  const std::string text = base64url(header_json) + "." + base64url(claims_json);
  const Owned<EVP_MD_CTX> context(EVP_MD_CTX_new());
  std::size_t size = static_cast<std::size_t>(EVP_PKEY_get_size(key.get()));
  std::string signature(size, '\0');
  if (EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key.get()) != 1 ||
      EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size,
                     reinterpret_cast<const unsigned char*>(text.data()), text.size()) != 1) {
    return fail("the private key does not sign");
  }
  signature.resize(size);
  return Secret(text + "." + base64url(signature));
}

}  // namespace evener::actuators
