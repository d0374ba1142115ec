// An app of Go's ServeMux: `servemux SOCKET LOG`. Each handler says that it was the one.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
)

var (
	lock sync.Mutex
	log  *os.File
)

func told(handler string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		name := handler
		if first, _, _ := strings.Cut(r.URL.Path[1:], "/"); name == "rest" && strings.EqualFold(first, "files") {
			name = "files"
		}
		length, _ := io.Copy(io.Discard, r.Body)
		headers := [][2]string{}
		for key, values := range r.Header {
			for _, value := range values {
				headers = append(headers, [2]string{key, value})
			}
		}
		line, _ := json.Marshal(map[string]any{
			"handler": name, "method": r.Method, "target": r.RequestURI, "headers": headers,
			"length": length, "person": r.PathValue("name"),
		})
		lock.Lock()
		log.Write(append(line, '\n'))
		lock.Unlock()
		w.Header().Set("X-Handler", name)
		fmt.Fprintf(w, "answered by %s: %s\n", name, r.RequestURI)
	}
}

func main() {
	log, _ = os.OpenFile(os.Args[2], os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o644)
	mux := http.NewServeMux()
	for name, prefix := range map[string]string{
		"public": "/public", "staff": "/staff", "admin": "/admin", "api": "/api", "keys": "/api/admin", "own": "/u/{name}",
	} {
		mux.Handle(prefix, told(name))
		mux.Handle(prefix+"/", told(name))
	}
	mux.Handle("/page/{page}", told("page"))
	mux.Handle("/page/{page}/{$}", told("page"))
	for _, path := range []string{"/form", "/form/{$}"} {
		mux.Handle("GET "+path, told("form"))
		mux.Handle("POST "+path, told("post"))
	}
	mux.Handle("/", told("rest"))
	listener, err := net.Listen("unix", os.Args[1])
	if err != nil {
		panic(err)
	}
	panic(http.Serve(listener, mux))
}
