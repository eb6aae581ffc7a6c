//! What the framework asks of a connection that holds another one.

/// Lets the connection in the field `stream` answer who is there, how it is secured and since when.
/// Nothing of what is read or written is shown.
macro_rules! answered_by_the_wrapped_stream {
    ($(<$stream:ident: $bound:ident>)? $name:ident) => {
        const _: () = {
            use std::fmt;
            use std::sync::Arc;

            use pingora_core::protocols::raw_connect::ProxyDigest;
            use pingora_core::protocols::tls::SslDigest;
            use pingora_core::protocols::{
                GetProxyDigest, GetSocketDigest, GetTimingDigest, Peek, SocketDigest, Ssl,
                TimingDigest, UniqueID, UniqueIDType,
            };

            impl<$($stream: $bound)?> UniqueID for $name<$($stream)?> {
                fn id(&self) -> UniqueIDType {
                    self.stream.id()
                }
            }

            impl<$($stream: $bound)?> Ssl for $name<$($stream)?> {
                fn get_ssl_digest(&self) -> Option<Arc<SslDigest>> {
                    self.stream.get_ssl_digest()
                }
            }

            impl<$($stream: $bound)?> Peek for $name<$($stream)?> {}

            impl<$($stream: $bound)?> GetTimingDigest for $name<$($stream)?> {
                fn get_timing_digest(&self) -> Vec<Option<TimingDigest>> {
                    self.stream.get_timing_digest()
                }
            }

            impl<$($stream: $bound)?> GetProxyDigest for $name<$($stream)?> {
                fn get_proxy_digest(&self) -> Option<Arc<ProxyDigest>> {
                    self.stream.get_proxy_digest()
                }
            }

            impl<$($stream: $bound)?> GetSocketDigest for $name<$($stream)?> {
                fn get_socket_digest(&self) -> Option<Arc<SocketDigest>> {
                    self.stream.get_socket_digest()
                }

                fn set_socket_digest(&mut self, digest: SocketDigest) {
                    self.stream.set_socket_digest(digest);
                }
            }

            impl<$($stream: $bound)?> fmt::Debug for $name<$($stream)?> {
                fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                    formatter
                        .debug_struct(stringify!($name))
                        .field("id", &self.stream.id())
                        .finish_non_exhaustive()
                }
            }
        };
    };
}

pub(super) use answered_by_the_wrapped_stream;
