(()=>{
const at=new URL(document.currentScript.src),tabs=new BroadcastChannel("tokenbridge"),
tell=(name,detail)=>dispatchEvent(new CustomEvent("session:"+name,{detail}));
tabs.onmessage=({data})=>tell(...data);
navigator.locks.request("tokenbridge",()=>new Promise(done=>{
let known;
const pass=(...event)=>{tabs.postMessage(event);tell(...event)},
over=detail=>{if(known)pass("logout",detail);done()},
open=()=>{
const stream=new EventSource(at.origin+"/auth/events"+at.search,{withCredentials:true}),
on=(name,then)=>stream.addEventListener(name,({data})=>then(JSON.parse(data)));
stream.onopen=()=>known=1;
on("logout",detail=>{stream.close();over(detail)});
for(const name of["expires_soon","renewed"])on(name,detail=>pass(name,detail));
stream.onerror=async()=>{
if(stream.readyState<2)return;
const status=await fetch(at.origin+"/auth/session",{credentials:"include"}).then(r=>r.status,()=>0);
status==401?over({reason:"ended"}):setTimeout(open,5e3)
}};
open()
}))})();
