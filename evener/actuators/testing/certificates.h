#pragma once
// Certificates that live as long as a test: an authority, and what it signs.

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <memory>
#include <string>

namespace evener::actuators::testing {

struct Free {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  void operator()(X509* certificate) const { X509_free(certificate); }
  void operator()(BIO* bio) const { BIO_free(bio); }
};
template <class T>
using Owned = std::unique_ptr<T, Free>;

struct Certificate {
  Owned<X509> certificate;
  Owned<EVP_PKEY> key;

  [[nodiscard]] std::string certificate_pem() const {
    return pem([&](BIO* out) { PEM_write_bio_X509(out, certificate.get()); });
  }
  [[nodiscard]] std::string key_pem() const {
    return pem([&](BIO* out) { PEM_write_bio_PrivateKey(out, key.get(), nullptr, nullptr, 0, nullptr, nullptr); });
  }

 private:
  template <class Write>
  static std::string pem(Write write) {
    const Owned<BIO> out(BIO_new(BIO_s_mem()));
    write(out.get());
    char* text = nullptr;
    const long size = BIO_get_mem_data(out.get(), &text);
    return {text, static_cast<std::size_t>(size)};
  }
};

/// Signed by `authority`, or by itself, which makes an authority of it. `alternative_name` such as "DNS:localhost" or "IP:127.0.0.1".
[[nodiscard]] inline Certificate make_certificate(const std::string& name, const Certificate* authority = nullptr,
                                                  const std::string& alternative_name = {}) {
  constexpr long DayS = 24 * 3600;
  Certificate made{Owned<X509>(X509_new()), Owned<EVP_PKEY>(EVP_EC_gen("P-256"))};
  X509* const certificate = made.certificate.get();
  X509_set_version(certificate, X509_VERSION_3);
  static long serial = 0;
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), ++serial);
  X509_gmtime_adj(X509_getm_notBefore(certificate), -DayS);
  X509_gmtime_adj(X509_getm_notAfter(certificate), DayS);
  X509_set_pubkey(certificate, made.key.get());
  X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_UTF8, reinterpret_cast<const unsigned char*>(name.data()),
                             static_cast<int>(name.size()), -1, 0);
  const Certificate& issuer = authority != nullptr ? *authority : made;
  X509_set_issuer_name(certificate, X509_get_subject_name(issuer.certificate.get()));
  const auto extend = [&](int what, const std::string& value) {
    X509_EXTENSION* const extension = X509V3_EXT_conf_nid(nullptr, nullptr, what, value.c_str());
    X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
  };
  extend(NID_basic_constraints, authority == nullptr ? "critical,CA:TRUE" : "CA:FALSE");
  if (!alternative_name.empty()) extend(NID_subject_alt_name, alternative_name);
  X509_sign(certificate, issuer.key.get(), EVP_sha256());
  return made;
}

}  // namespace evener::actuators::testing
