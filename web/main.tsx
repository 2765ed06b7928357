import "./style/tokens.css";
import "./style/layout.css";
import "./style/work.css";
import "./style/report.css";
import "./style/data.css";
import { render } from "preact";
import { AnnotatePage } from "./pages/annotate.tsx";
import { ApprovePage } from "./pages/approve.tsx";
import { DataPage } from "./pages/data.tsx";
import { JoinPage } from "./pages/join.tsx";
import { ReviewPage } from "./pages/review.tsx";
import { SignedInPage } from "./pages/signed-in.tsx";
import { StudioPage } from "./pages/studio.tsx";
import { VendorPage } from "./pages/vendor.tsx";
import { WatchPage } from "./pages/watch.tsx";

const [page = "", campaign] = location.pathname.split("/").slice(1);

function App() {
  if (page === "join") return <JoinPage />;
  if (page === "signed-in") return <SignedInPage />;
  if (page === "annotate") return <AnnotatePage />;
  if (page === "review") return <ReviewPage />;
  if (page === "vendor") return <VendorPage />;
  if (page === "approve") return <ApprovePage campaign={campaign} />;
  if (page === "data") return <DataPage campaign={campaign} />;
  if (page === "watch") return <WatchPage campaign={campaign} />;
  return <StudioPage />;
}

const root = document.getElementById("app");
if (root !== null) {
  root.replaceChildren();
  render(<App />, root);
}
