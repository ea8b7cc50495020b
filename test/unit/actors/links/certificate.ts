/** Of a server that has a certificate instead of the key: for localhost, of an authority of its own. Worth nothing anywhere. */
export const certificate = `-----BEGIN CERTIFICATE-----
MIIBmzCCAUGgAwIBAgIUULo5I7gYLQMJOOU0jWa6lAlF3OgwCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyMjIyNTMwMVoYDzIxMjYxMDI5
MjI1MzAxWjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAATtjCOzoAkjrkVOfOiHvuVxzMmSsi0h0TTjlu/inOlkdL2yuRXTeqaO
r7nEb9DBpf3j7pdk4C4XBDbciYbStg6Do28wbTAdBgNVHQ4EFgQUWMNS6Qpt0v70
s5jx9Sz31SqpHscwHwYDVR0jBBgwFoAUWMNS6Qpt0v70s5jx9Sz31SqpHscwGgYD
VR0RBBMwEYIJbG9jYWxob3N0hwR/AAABMA8GA1UdEwEB/wQFMAMBAf8wCgYIKoZI
zj0EAwIDSAAwRQIhAMEJ4sn2DcVWt/y81wwXAJGYluPZ0bMW9U4PjFR7ZrZHAiAy
NygZ9nVht7ZFtUvEvUAeHO6V1QlQGy5/8IqqylDJkw==
-----END CERTIFICATE-----`;
export const certificateKey = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgYLJGuDFKsWdMApJA
cu4IzbGJw1KhK1RcPI5I/kb3yC6hRANCAATtjCOzoAkjrkVOfOiHvuVxzMmSsi0h
0TTjlu/inOlkdL2yuRXTeqaOr7nEb9DBpf3j7pdk4C4XBDbciYbStg6D
-----END PRIVATE KEY-----`;
