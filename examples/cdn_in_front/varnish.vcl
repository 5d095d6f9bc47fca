# A Varnish in front of the example: it stores what the application lets it store, and forgets what the
# application purges. `BAN` names groups, or a URL, path or prefix. A Varnish with the module `xkey` can
# use `xkey.purge` in place of the first ban.
vcl 4.1;

backend default {
    .host = "127.0.0.1";
    .port = "8080";
}

# whoever may purge
acl servers {
    "127.0.0.1";
    "::1";
}

sub vcl_recv {
    if (req.method == "BAN") {
        if (client.ip !~ servers) {
            return (synth(403));
        }
        # in each name, what could mean something in a pattern matches any character
        if (req.http.x-ban-groups) {
            set req.http.x-names = regsuball(req.http.x-ban-groups, "[^A-Za-z0-9_ -]", ".");
            set req.http.x-names = regsuball(req.http.x-names, " ", "|");
            ban("obj.http.xkey ~ (^|\s)(" + req.http.x-names + ")(\s|$)");
        }
        if (req.http.x-ban-url) {
            # on all hosts, as one more response that is asked for again does no harm
            set req.http.x-names = regsub(req.http.x-ban-url, "^//[^/]*", "");
            set req.http.x-names = regsuball(req.http.x-names, "[^A-Za-z0-9_/-]", ".");
            ban("obj.http.x-url ~ ^" + req.http.x-names + "$");
        }
        if (req.http.x-ban-path) {
            set req.http.x-names = regsuball(req.http.x-ban-path, "[^A-Za-z0-9_/-]", ".");
            ban("obj.http.x-url ~ ^" + req.http.x-names + "/?(\?|$)");
        }
        if (req.http.x-ban-prefix) {
            set req.http.x-names = regsuball(req.http.x-ban-prefix, "[^A-Za-z0-9_/-]", ".");
            set req.http.x-names = regsub(req.http.x-names, "/$", "");
            ban("obj.http.x-url ~ ^" + req.http.x-names + "([/?]|$)");
        }
        return (synth(200));
    }
}

sub vcl_backend_response {
    # bans look at what is stored with a response, and not at the request
    set beresp.http.x-url = bereq.url;
}

sub vcl_deliver {
    # neither is for clients
    unset resp.http.x-url;
    unset resp.http.xkey;
}
